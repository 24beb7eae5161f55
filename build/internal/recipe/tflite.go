package recipe

import (
	"context"
	"fmt"
	"strings"

	"atoll/build/internal/command"
	"atoll/build/internal/pins"
)

// Toolchain is what compiles for one architecture.
type Toolchain struct {
	Arch   string // as Go and Debian name it: amd64 or arm64
	Prefix string // of the programs' names, as in "aarch64-linux-gnu-"; empty for this machine's own
}

// ToolchainFor returns the toolchain for an architecture on a host.
func ToolchainFor(arch, host string) (Toolchain, error) {
	switch {
	case arch != "amd64" && arch != "arm64":
		return Toolchain{}, fmt.Errorf("unknown architecture %q: use amd64 or arm64", arch)
	case arch == host:
		return Toolchain{Arch: arch}, nil
	case arch == "arm64":
		return Toolchain{Arch: arch, Prefix: "aarch64-linux-gnu-"}, nil
	}
	return Toolchain{Arch: arch, Prefix: "x86_64-linux-gnu-"}, nil
}

// Versions returns what the compiler and the linker say of themselves, for the recipe's hash.
func (t Toolchain) Versions(ctx context.Context, run command.Runner) (string, error) {
	var lines []string
	for _, tool := range []string{"gcc", "g++", "ld"} {
		out, err := command.Output(ctx, run, t.Prefix+tool, "--version")
		if err != nil {
			return "", err
		}
		first, _, _ := strings.Cut(out, "\n")
		lines = append(lines, first)
	}
	return strings.Join(lines, "\n"), nil
}

// tarballs are the upstream sources: the folder below $WORK/src has the source package's name.
var tarballs = []struct {
	name  string
	strip int
	fetch string // name of CMake's FetchContent declaration that it stands in for
	dir   string // CMake variable that takes its folder
}{
	{"tensorflow", 1, "", ""},
	{"xnnpack", 0, "XNNPACK", ""},
	{"pthreadpool", 1, "", "PTHREADPOOL_SOURCE_DIR"},
	{"cpuinfo", 1, "CPUINFO", "CPUINFO_SOURCE_DIR"},
	{"abseil", 1, "ABSEIL-CPP", ""},
	{"eigen3", 1, "EIGEN", ""},
	{"flatbuffers", 1, "FLATBUFFERS", ""},
	{"gemmlowp", 1, "GEMMLOWP", ""},
	{"farmhash", 1, "FARMHASH", ""},
	{"fp16", 1, "FP16_HEADERS", "FP16_SOURCE_DIR"},
	{"fxdiv", 1, "", "FXDIV_SOURCE_DIR"},
	{"psimd", 1, "", "PSIMD_SOURCE_DIR"},
	{"oourafft", 1, "FFT2D", ""},
	{"neon-2-sse", 1, "NEON2SSE", ""},
}

// ruyCMake stands in for ruy's sources, which Debian does not have to give: its library comes compiled.
const ruyCMake = `add_library(ruy INTERFACE)
add_library(ruy::ruy ALIAS ruy)
target_include_directories(ruy INTERFACE ${RUY_INCLUDE_DIR})
`

// compatC gives libruy, which was compiled against glibc 2.38 or later, the name that strtol has there. It is weak, so a newer
// glibc's own wins; strtol is declared by hand, for the header of such a glibc would rename it to the function defined here.
const compatC = `extern long strtol(const char *, char **, int);
__attribute__((weak)) long __isoc23_strtol(const char *s, char **end, int base) { return strtol(s, end, base); }
`

// checkCC proves the result before it gets its name: the promised headers are complete, and a static program links.
const checkCC = `#include "tensorflow/lite/c/c_api.h"
#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/c/c_api_internal.h"
#include "tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h"
#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/kernels/register.h"
#include "tensorflow/lite/model_builder.h"
#include <cstdio>
int main() {
  TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
  TfLiteXNNPackDelegateOptions xnnpack = TfLiteXNNPackDelegateOptionsDefault();
  TfLiteDelegate *delegate = TfLiteXNNPackDelegateCreate(&xnnpack);
  std::puts(TfLiteVersion());
  bool ok = options != nullptr && delegate != nullptr && TfLiteModelCreate("x", 1) == nullptr;
  TfLiteXNNPackDelegateDelete(delegate);
  TfLiteInterpreterOptionsDelete(options);
  return ok ? 0 : 1;
}
`

// CXXFlags compile C++ against the result; ours must agree with TensorFlow Lite's own on the standard.
const CXXFlags = "-std=c++17 -O2"

// LinkFlags link a static program against the result, after -L for its lib folder.
const LinkFlags = "-Wl,--start-group -ltensorflowlite_c -Wl,--end-group -lstdc++ -lm -lpthread"

// TFLite makes a static TensorFlow Lite with XNNPACK for one architecture: lib/ for the linker, include/ for C and C++.
func TFLite(t Toolchain, set pins.Set, tools string) (Recipe, error) {
	r := Recipe{Name: "tflite-" + t.Arch, Tools: tools}
	for _, tarball := range tarballs {
		if tarball.name == "neon-2-sse" && t.Arch != "amd64" {
			continue // ARM's intrinsics on x86
		}
		pin, err := set.Find(pins.Source, tarball.name, "")
		if err != nil {
			return Recipe{}, err
		}
		r.Steps = append(r.Steps, Unpack{Pin: pin, Into: "$WORK/src/" + tarball.name, Strip: tarball.strip})
	}
	ruy, err := set.Find(pins.Deb, "libruy-dev", t.Arch)
	if err != nil {
		return Recipe{}, err
	}
	r.Steps = append(r.Steps,
		Unpack{Pin: ruy, Into: "$WORK/ruy"},
		Write{File: "$WORK/ruy-cmake/CMakeLists.txt", Text: ruyCMake},
		Write{File: "$WORK/ruy-cmake/LICENSE", Text: "see usr/share/doc/libruy-dev/copyright in Debian's libruy-dev\n"}, // TensorFlow's build insists on the file
		// No kernel needs ml_dtypes, and its sources are not to be had.
		DeleteLines{File: "$WORK/src/tensorflow/tensorflow/lite/CMakeLists.txt", Containing: "ml_dtypes", Count: 2},
		Run{Name: "configure", Argv: configure(t)},
		Run{Name: "compile", Argv: []string{"ninja", "-C", "$WORK/build", "tensorflowlite_c"}},
		Write{File: "$WORK/compat.c", Text: compatC},
		Run{Name: "compile compat.c", Argv: []string{t.Prefix + "gcc", "-O2", "-c", "$WORK/compat.c", "-o", "$WORK/compat.o"}},
		Merge{
			Ar: t.Prefix + "ar", Out: "$OUT/lib/libtensorflowlite_c.a",
			Folders: []string{"$WORK/build", "$WORK/ruy"}, Objects: []string{"$WORK/compat.o"},
			Except: []string{"libeight_bit_int_gemm.a", "libabsl_flags*.a", "libabsl_log_*.a", "libabsl_random_*.a", "libabsl_status*.a"},
		},
		// go-tflite's xnnpack package asks for these two; all that they would hold is in the merged archive.
		Write{File: "$OUT/lib/libtensorflowlite-delegate_xnnpack.a", Text: "!<arch>\n"},
		Write{File: "$OUT/lib/libXNNPACK.a", Text: "!<arch>\n"},
	)
	r.Steps = append(r.Steps, headers()...)
	return withCheck(r, t), nil
}

func configure(t Toolchain) []string {
	flags := "-ffile-prefix-map=$WORK=tflite" // no path of this machine in the result
	argv := []string{
		"cmake", "-G", "Ninja", "-Wno-dev", "-S", "$WORK/src/tensorflow/tensorflow/lite/c", "-B", "$WORK/build",
		"-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS=" + flags, "-DCMAKE_CXX_FLAGS=" + flags, "-DCMAKE_ASM_FLAGS=" + flags,
		"-DCMAKE_C_COMPILER=" + t.Prefix + "gcc", "-DCMAKE_CXX_COMPILER=" + t.Prefix + "g++",
		"-DTFLITE_C_BUILD_SHARED_LIBS=OFF", "-DTFLITE_ENABLE_XNNPACK=ON", "-DTFLITE_ENABLE_GPU=OFF", "-DTFLITE_ENABLE_NNAPI=OFF",
		"-DFETCHCONTENT_FULLY_DISCONNECTED=ON",
		"-DFETCHCONTENT_SOURCE_DIR_RUY=$WORK/ruy-cmake", "-DRUY_INCLUDE_DIR=$WORK/ruy/usr/include",
		"-DXNNPACK_BUILD_ALL_MICROKERNELS=OFF", // 488 objects instead of thousands
		"-DXNNPACK_ENABLE_KLEIDIAI=OFF", "-DXNNPACK_ENABLE_AVX512AMX=OFF",
	}
	for _, tarball := range tarballs {
		if tarball.fetch != "" {
			argv = append(argv, "-DFETCHCONTENT_SOURCE_DIR_"+tarball.fetch+"=$WORK/src/"+tarball.name)
		}
		if tarball.dir != "" {
			argv = append(argv, "-D"+tarball.dir+"=$WORK/src/"+tarball.name)
		}
	}
	if t.Prefix != "" {
		processor := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[t.Arch]
		argv = append(argv, "-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR="+processor)
	}
	return argv
}

// headers are those that the four promised ones need, and what goes with them.
func headers() []Step {
	return []Step{
		CopyHeaders{From: "$WORK/src/tensorflow", Sub: "tensorflow/lite", To: "$OUT/include"},
		CopyHeaders{From: "$WORK/src/tensorflow", Sub: "tensorflow/core/public", To: "$OUT/include"},
		CopyHeaders{From: "$WORK/src/abseil", Sub: "absl", To: "$OUT/include"},
		CopyHeaders{From: "$WORK/src/flatbuffers/include", Sub: "flatbuffers", To: "$OUT/include"},
		CopyHeaders{From: "$WORK/src/pthreadpool/include", Sub: "", To: "$OUT/include"},
		CopyHeaders{From: "$WORK/src/xnnpack/include", Sub: "", To: "$OUT/include"},
	}
}

// withCheck adds the steps that compile and link checkCC, and run it where this machine can.
func withCheck(r Recipe, t Toolchain) Recipe {
	argv := append([]string{t.Prefix + "g++"}, strings.Fields(CXXFlags)...)
	argv = append(argv, "-static", "-I$OUT/include", "$WORK/check.cc", "-o", "$WORK/check", "-L$OUT/lib")
	argv = append(argv, strings.Fields(LinkFlags)...)
	r.Steps = append(r.Steps, Write{File: "$WORK/check.cc", Text: checkCC}, Run{Name: "link a static program", Argv: argv})
	if t.Prefix == "" {
		r.Steps = append(r.Steps, Run{Name: "run it", Argv: []string{"$WORK/check"}})
	}
	return r
}
