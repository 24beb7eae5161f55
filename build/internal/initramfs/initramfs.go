// Package initramfs writes the file system that a Linux kernel starts from: a cpio archive of the "newc" kind, gzipped, as
// Documentation/driver-api/early-userspace/buffer-format.rst of the kernel describes it.
package initramfs

import (
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"path"
	"strings"
	"time"
)

// File is a file or folder. Its folder must come before it.
type File struct {
	Name string // without a leading slash
	Data []byte
	Kind Kind
}

// Kind is a file's type and permissions, as stat(2) encodes them.
type Kind uint32

// The kinds of files there are use for.
const (
	Folder  Kind = 0o040755
	Regular Kind = 0o100644
	Program Kind = 0o100755
)

// trailer is the name that ends an archive.
const trailer = "TRAILER!!!"

// Write writes the archive. The same files always give the same bytes.
func Write(w io.Writer, files []File) error {
	zipped, err := gzip.NewWriterLevel(w, gzip.BestSpeed) // an emulated processor unpacks what a small part of it reads
	if err != nil {
		return err
	}
	zipped.ModTime = time.Time{}
	for i, f := range files {
		if err := check(f); err != nil {
			return err
		}
		if err := entry(zipped, i+1, f); err != nil {
			return err
		}
	}
	if err := entry(zipped, 0, File{Name: trailer}); err != nil {
		return err
	}
	return zipped.Close()
}

func check(f File) error {
	switch {
	case f.Name == "" || f.Name == trailer || f.Name != path.Clean(f.Name) || f.Name == "." || strings.HasPrefix(f.Name, "/") || strings.HasPrefix(f.Name, "..") || strings.Contains(f.Name, "\x00"):
		return fmt.Errorf("initramfs: %q is no name of a file in it", f.Name)
	case f.Kind != Folder && f.Kind != Regular && f.Kind != Program:
		return fmt.Errorf("initramfs: %s: unknown kind %o", f.Name, f.Kind)
	case f.Kind == Folder && len(f.Data) > 0:
		return fmt.Errorf("initramfs: folder %s has content", f.Name)
	case len(f.Data) > math.MaxInt32:
		return fmt.Errorf("initramfs: %s is larger than 2 GiB", f.Name)
	}
	return nil
}

// entry writes one header of 110 bytes, the name and the content, each filled up to a multiple of four.
func entry(w io.Writer, inode int, f File) error {
	const headerSize = 110
	name := f.Name + "\x00"
	header := "070701"
	for _, field := range []int{
		inode, int(f.Kind), 0, 0, 1, 0, len(f.Data), // mode, owner, group, links, time, size
		0, 0, 0, 0, len(name), 0, // devices; no checksum
	} {
		header += fmt.Sprintf("%08x", field)
	}
	for _, part := range []string{
		header + name + padding(headerSize+len(name)), string(f.Data) + padding(len(f.Data)),
	} {
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
	}
	return nil
}

func padding(n int) string { return "\x00\x00\x00"[:-n&3] }
