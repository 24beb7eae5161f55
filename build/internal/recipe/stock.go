package recipe

import "strings"

// StockFile is the program's name in the folder that Stock makes.
const StockFile = "check"

// Stock makes the program of the given C++ source, linked statically with the TensorFlow Lite at a path for this machine.
func Stock(tflite, source string) Recipe {
	argv := append([]string{"g++"}, strings.Fields(CXXFlags)...)
	argv = append(argv, "-static", "-I"+tflite+"/include", "$WORK/check.cc", "-o", "$OUT/"+StockFile, "-L"+tflite+"/lib")
	argv = append(argv, strings.Fields(LinkFlags)...)
	return Recipe{Name: "stock", Steps: []Step{ // tflite's name holds the versions of the tools
		Write{File: "$WORK/check.cc", Text: source},
		Run{Name: "compile and link", Argv: argv},
	}}
}
