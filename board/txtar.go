package board

import (
	"bytes"
	"fmt"
)

// textFile is a file of a txtar archive: a comment, then files, each begun by a row
// "-- NAME --" (the format of Go's own tests; golang.org/x/tools/txtar describes it).
type textFile struct {
	name string
	data []byte
}

// parseFiles returns the files of an archive. Any text is one, if without files.
func parseFiles(archive []byte) []textFile {
	var files []textFile
	end := func(data []byte) { // of the file that was read last
		if len(files) == 0 {
			return
		}
		if len(data) > 0 && data[len(data)-1] != '\n' {
			data = append(bytes.Clone(data), '\n')
		}
		files[len(files)-1].data = data
	}
	start := 0
	for at := 0; at < len(archive); {
		next := len(archive)
		if i := bytes.IndexByte(archive[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		if name := marked(archive[at:next]); name != "" {
			end(archive[start:at])
			files = append(files, textFile{name: name})
			start = next
		}
		at = next
	}
	end(archive[start:])
	return files
}

// marked is the name in a row that begins a file, or empty.
func marked(row []byte) string {
	row = bytes.TrimRight(row, "\r\n")
	name, begins := bytes.CutPrefix(row, []byte("-- "))
	name, ends := bytes.CutSuffix(name, []byte(" --"))
	if !begins || !ends {
		return ""
	}
	return string(bytes.TrimSpace(name))
}

func formatFiles(comment string, files []textFile) []byte {
	b := bytes.NewBufferString(comment)
	for _, f := range files {
		fmt.Fprintf(b, "-- %s --\n%s", f.name, f.data)
	}
	return b.Bytes()
}
