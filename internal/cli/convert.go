package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"atoll/internal/app"
	"atoll/internal/durable"
	"atoll/model/silero"
)

// maxONNX bounds an ONNX file, in bytes; Silero's has 2 MB.
const maxONNX = 64 << 20

func newConvert() *cobra.Command {
	var precision string
	cmd := &cobra.Command{
		Use:   "silero IN.onnx OUT.tflite",
		Short: "Convert Silero's voice activity detector from ONNX to TFLite",
		Long: `Silero reads a release of the Silero voice activity detector, version 5, and
writes its 16 kHz network as a TFLite model that atoll and stock TensorFlow Lite
run: inputs input [1,576], h [1,128], c [1,128]; outputs prob [1,1], h_out,
c_out.`,
		Example: "  atoll convert silero silero_vad.onnx voice.tflite --precision f16\n  atoll infer audio --model voice.tflite speech.wav",
		Args:    wrongUsage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := silero.ParsePrecision(precision)
			if err != nil {
				return usageError{fmt.Errorf("--precision: %w", err)}
			}
			onnx, err := app.ReadFile(args[0], maxONNX)
			if err != nil {
				return err
			}
			tflite, err := silero.Convert(onnx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := writeFile(args[1], tflite); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes, %v weights\n", args[1], len(tflite), p)
			return nil
		},
	}
	cmd.Flags().StringVar(&precision, "precision", "f32", "of the weights: f32 or f16")
	cmd.RegisterFlagCompletionFunc("precision", cobra.FixedCompletions([]string{"f32", "f16"}, cobra.ShellCompDirectiveNoFileComp))
	return group("convert", "Convert models of other formats", "Convert makes .tflite models of files of other formats.", cmd)
}

// writable follows the links of a path that is to be written. What is there must be
// a regular file, or nothing in a folder that there is.
func writable(path string) (target string, err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file: name another", path)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return "", fmt.Errorf("%s can't be written: there must be a folder for it: %w", path, err)
	}
	return path, nil
}

// writeFile writes a file whole or not at all. The path must be writable.
func writeFile(path string, data []byte) error {
	return createFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// createFile lets fill write a file, which is there whole or not at all. The path must be
// writable.
func createFile(path string, fill func(io.Writer) error) error {
	path, err := writable(path)
	if err != nil {
		return err
	}
	return durable.Create(path, fill)
}
