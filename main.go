// Command atoll is firmware for Coral-class ARM boards: it sees, hears and reads
// with TensorFlow Lite models and tells what it finds as events.
package main

import (
	"os"

	"atoll/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
