package recipe

import "atoll/build/internal/pins"

// kernelPackage is Debian's kernel for virtual machines, the smallest of its arm64 kernels: all drivers it needs here are built in.
const kernelPackage = "linux-image-6.1.0-50-cloud-arm64"

// KernelFile is the kernel's name in the folder that Kernel makes.
const KernelFile = "vmlinuz-6.1.0-50-cloud-arm64"

// Kernel makes the folder of the Linux kernel on which arm64 instructions are counted.
func Kernel(set pins.Set) (Recipe, error) {
	pin, err := set.Find(pins.Deb, kernelPackage, "arm64")
	if err != nil {
		return Recipe{}, err
	}
	return Recipe{Name: "kernel-arm64", Steps: []Step{
		Unpack{Pin: pin, Into: "$WORK/kernel"},
		Copy{Files: []string{"$WORK/kernel/boot/" + KernelFile}, To: "$OUT"},
	}}, nil
}
