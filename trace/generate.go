package trace

// One object serves amd64 and arm64: both are little-endian, and no program looks at
// registers.
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -target bpfel -no-global-types -cflags "-Wall -Wextra -Wno-unused-parameter -Werror" -type job -type worker -type total -type watch -type cpu -type task -type preemptor bpf bpf/trace.c
