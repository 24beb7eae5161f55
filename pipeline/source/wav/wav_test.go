package wav

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// file is a WAV file to build; zero lengths are filled in.
type file struct {
	tag, bits, channels int
	rate                int
	extensible          bool
	before              []byte // whole chunks ahead of fmt
	dataSize            uint32 // 0: the true size
	data                []byte
}

func (f file) bytes() []byte {
	le := binary.LittleEndian
	align := f.channels * f.bits / 8
	tag := f.tag
	if f.extensible {
		tag = tagExtensible
	}
	format := le.AppendUint16(nil, uint16(tag))
	format = le.AppendUint16(format, uint16(f.channels))
	format = le.AppendUint32(format, uint32(f.rate))
	format = le.AppendUint32(format, uint32(f.rate*align))
	format = le.AppendUint16(format, uint16(align))
	format = le.AppendUint16(format, uint16(f.bits))
	if f.extensible {
		format = le.AppendUint16(format, 22)
		format = le.AppendUint16(format, uint16(f.bits))
		format = le.AppendUint32(format, 3)
		format = le.AppendUint16(format, uint16(f.tag))
		format = append(format, guidTail...)
	}
	size := f.dataSize
	if size == 0 {
		size = uint32(len(f.data))
	}
	b := append([]byte("RIFF\x00\x00\x00\x00WAVE"), f.before...)
	b = append(b, chunk("fmt ", format)...)
	b = append(b, "data"...)
	b = le.AppendUint32(b, size)
	return append(b, f.data...)
}

func chunk(id string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func readAll(t testing.TB, r *Reader) ([]float32, error) {
	t.Helper()
	var all []float32
	buf := make([]float32, 7)
	for {
		n, err := r.Read(buf)
		all = append(all, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

func f32(v ...float32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func f64(v ...float64) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

func TestEncodings(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name string
		file file
		want []float32
	}{
		{"8 bit", file{tag: 1, bits: 8, channels: 1, data: []byte{0, 128, 192, 255}}, []float32{-1, 0, .5, 127. / 128}},
		{"16 bit", file{tag: 1, bits: 16, channels: 1, data: []byte{0, 0x80, 0, 0, 0, 0x40}}, []float32{-1, 0, .5}},
		{"24 bit", file{tag: 1, bits: 24, channels: 1, data: []byte{0, 0, 0x80, 0, 0, 0x40}}, []float32{-1, .5}},
		{"32 bit", file{tag: 1, bits: 32, channels: 1, data: []byte{0, 0, 0, 0x80, 0, 0, 0, 0x40}}, []float32{-1, .5}},
		{"float", file{tag: 3, bits: 32, channels: 1, data: f32(-1, .25, 7, float32(nan), float32(inf))}, []float32{-1, .25, 1, 0, 1}},
		{"double", file{tag: 3, bits: 64, channels: 1, data: f64(-1, .25, -7, nan, 1e300)}, []float32{-1, .25, -1, 0, 1}},
		{"extensible", file{tag: 1, bits: 16, channels: 1, extensible: true, data: []byte{0, 0x80, 0, 0x40}}, []float32{-1, .5}},
		{"stereo", file{tag: 1, bits: 16, channels: 2, data: []byte{0, 0x80, 0, 0x40, 0, 0x40, 0, 0x40}}, []float32{-.25, .5}},
		{"three channels at full scale", file{tag: 3, bits: 32, channels: 3, data: f32(1, 1, 1)}, []float32{1}},
		{"half a frame at the end", file{tag: 1, bits: 16, channels: 2, data: []byte{0, 0x40, 0, 0x40, 1, 2}}, []float32{.5}},
		{"odd chunk before", file{tag: 1, bits: 16, channels: 1, before: chunk("LIST", []byte("abc")), data: []byte{0, 0x40}}, []float32{.5}},
		{"endless", file{tag: 1, bits: 16, channels: 1, dataSize: 0xFFFFFFFF, data: []byte{0, 0x40}}, []float32{.5}},
		{"data after the samples", file{tag: 1, bits: 16, channels: 1, dataSize: 2, data: []byte{0, 0x40, 1, 2, 3, 4}}, []float32{.5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.file.rate = 8000
			for _, in := range []io.Reader{bytes.NewReader(c.file.bytes()), iotest.OneByteReader(bytes.NewReader(c.file.bytes())),
				iotest.DataErrReader(bytes.NewReader(c.file.bytes()))} {
				r, err := NewReader(in)
				if err != nil {
					t.Fatal(err)
				}
				got, err := readAll(t, r)
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("samples = %v, %v; want %v", got, err, c.want)
				}
			}
		})
	}
}

// TestSizeThatIsNotStated: a recording of one sample or of none, by what its RIFF and data chunks state.
func TestSizeThatIsNotStated(t *testing.T) {
	list := string(chunk("LIST", []byte("abcd")))
	for _, c := range []struct {
		name       string
		riff, data uint32
		before     string // whole chunks ahead of fmt
		after      string // what follows the data chunk's header
		want       []float32
	}{
		{"both left at zero", 0, 0, "", "\x00\x40", []float32{.5}},
		{"both at the largest", unstated, unstated, "", "\x00\x40", []float32{.5}},
		{"RIFF at the largest", unstated, 0, "", "\x00\x40", []float32{.5}},
		{"RIFF ends with the header", 36, 0, "", "\x00\x40", []float32{.5}},
		{"RIFF ends with a longer header", 36 + 12, 0, list, "\x00\x40", []float32{.5}},
		{"data at the largest", 38, unstated, "", "\x00\x40", []float32{.5}},
		{"chunk follows no samples", 36 + 12, 0, "", list, nil},
		{"chunks around no samples", 36 + 24, 0, list, list, nil},
		{"nothing follows", 36, 0, "", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := file{tag: 1, bits: 16, channels: 1, rate: 8000, before: []byte(c.before)}.bytes()
			binary.LittleEndian.PutUint32(b[4:], c.riff)
			binary.LittleEndian.PutUint32(b[len(b)-4:], c.data)
			r, err := NewReader(strings.NewReader(string(b) + c.after))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := readAll(t, r); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("samples = %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestNewReaderRefuses(t *testing.T) {
	good := file{tag: 1, bits: 16, channels: 1, rate: 16000, data: []byte{1, 2}}
	with := func(change func(*file)) []byte { f := good; change(&f); return f.bytes() }
	patch := func(at int, v string) []byte { b := good.bytes(); copy(b[at:], v); return b }
	many := []byte("RIFF\x00\x00\x00\x00WAVE" + strings.Repeat("junk\x00\x00\x00\x00", maxChunks+1))
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, "read WAV header: unexpected EOF"},
		{"text", []byte("hello, this is no recording"), "not a WAV file"},
		{"big-endian", patch(0, "RIFX"), "RIFX files are not read"},
		{"RF64", patch(0, "RF64"), "convert it to a plain WAV"},
		{"AVI", patch(8, "AVI "), "not a WAV file"},
		{"header only", good.bytes()[:12], "read WAV header: unexpected EOF"},
		{"cut in fmt", good.bytes()[:30], "read the fmt chunk: unexpected EOF"},
		{"samples first", append([]byte("RIFF\x00\x00\x00\x00WAVE"), chunk("data", []byte{1, 2})...), "no fmt chunk before"},
		{"two formats", with(func(f *file) { f.before = good.bytes()[12:36] }), "two fmt chunks"},
		{"hostile fmt size", patch(16, "\xff\xff\xff\xff"), "fmt chunk of 4294967295 bytes"},
		{"tiny fmt", patch(16, "\x04\x00\x00\x00"), "fmt chunk of 4 bytes"},
		{"hostile chunk size", with(func(f *file) { f.before = []byte("LIST\xff\xff\xff\xff") }), "read WAV header: unexpected EOF"},
		{"endless chunks", many, "more than 4096 chunks"},
		{"no channel", with(func(f *file) { f.channels = 0 }), "0 channels: 1 to 64"},
		{"65 channels", with(func(f *file) { f.channels = 65 }), "65 channels: 1 to 64"},
		{"slow", with(func(f *file) { f.rate = 3999 }), "a rate of 3999 Hz: 4000 to 384000"},
		{"fast", with(func(f *file) { f.rate = 384001 }), "a rate of 384001 Hz"},
		{"12 bit", with(func(f *file) { f.bits = 12 }), "format tag 0x0001 with 12 bits"},
		{"ADPCM", with(func(f *file) { f.tag = 2 }), "format tag 0x0002"},
		{"half float", with(func(f *file) { f.tag = 3 }), "format tag 0x0003 with 16 bits"},
		{"wrong frame size", patch(32, "\x07"), "frames of 7 bytes: 1 channels of s16le take 2"},
		{"short extensible", patch(20, "\xfe\xff"), "extensible format without a known sub-format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewReader(bytes.NewReader(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestTruncated(t *testing.T) {
	b := file{tag: 1, bits: 16, channels: 1, rate: 16000, dataSize: 100, data: []byte{0, 0x40, 0, 0x40}}.bytes()
	got, err := Decode(bytes.NewReader(b))
	if !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), "4 of 100 bytes") {
		t.Errorf("error = %v, want ErrTruncated with the sizes", err)
	}
	if !slices.Equal(got, []float32{.5, .5}) {
		t.Errorf("samples = %v, want what there is", got)
	}
}

func TestReadErrorIsPassedOn(t *testing.T) {
	broken := errors.New("disk on fire")
	b := file{tag: 1, bits: 16, channels: 1, rate: 16000, data: make([]byte, 100)}.bytes()
	_, err := Decode(io.MultiReader(bytes.NewReader(b[:60]), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("error = %v, want the reader's own", err)
	}
}

func TestDecodeResamples(t *testing.T) {
	samples := make([]float32, 48000)
	for i := range samples {
		samples[i] = float32(math.Sin(2 * math.Pi * 1000 * float64(i) / 48000))
	}
	got, err := Decode(bytes.NewReader(file{tag: 3, bits: 32, channels: 1, rate: 48000, data: f32(samples...)}.bytes()))
	if err != nil || len(got) != Rate {
		t.Fatalf("Decode = %d samples, %v; want %d", len(got), err, Rate)
	}
	for i := 4000; i < 12000; i++ {
		if want := math.Sin(2 * math.Pi * 1000 * float64(i) / Rate); math.Abs(float64(got[i])-want) > 1e-3 {
			t.Fatalf("sample %d = %v, want %v", i, got[i], want)
		}
	}
}

func TestDecodeStaysInRange(t *testing.T) {
	square := make([]float32, 8000)
	for i := range square {
		square[i] = float32(1 - 2*(i/20%2))
	}
	got, err := Decode(bytes.NewReader(file{tag: 3, bits: 32, channels: 1, rate: 8000, data: f32(square...)}.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if lo, hi := slices.Min(got), slices.Max(got); lo < -1 || hi > 1 {
		t.Errorf("samples lie in [%v, %v], want [-1, 1]", lo, hi)
	}
}

func TestStreamWaitsForNoMoreThanItNeeds(t *testing.T) {
	in, out := io.Pipe()
	r, err := NewPCM(in, Format{Encoding: S16, Rate: Rate, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStream(r)
	if err != nil {
		t.Fatal(err)
	}
	go out.Write(make([]byte, 512*4)) // and the pipe stays open: reading on would block for ever
	if n, err := s.Read(make([]float32, 512)); n != 512 || err != nil {
		t.Errorf("Read = %d, %v; want 512 samples", n, err)
	}
}

func TestStreamDoesNotAllocate(t *testing.T) {
	for _, f := range []Format{{S16, 16000, 1}, {F32, 44100, 2}} {
		r, err := NewPCM(zeros{}, f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewStream(r)
		if err != nil {
			t.Fatal(err)
		}
		chunk := make([]float32, 512)
		if n := testing.AllocsPerRun(100, func() { s.Read(chunk) }); n != 0 {
			t.Errorf("%v: Read allocates %v times a chunk, want 0", f, n)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestEncodingNames(t *testing.T) {
	if got := F32.String(); got != "f32le" {
		t.Errorf("String = %q", got)
	}
	if got := Encoding(200).String(); got != "encoding(200)" {
		t.Errorf("String = %q", got)
	}
	if _, err := NewPCM(zeros{}, Format{Encoding: 200, Rate: 8000, Channels: 1}); err == nil {
		t.Error("NewPCM took an unknown encoding")
	}
}

func TestHeaderSizesNeverMatterToTheSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		stated := rapid.Uint32().Draw(t, "stated")
		b := file{tag: 1, bits: 8, channels: 1, rate: 16000, dataSize: stated, data: data}.bytes()
		got, err := Decode(bytes.NewReader(b))
		want := len(data)
		if stated != 0 && uint64(stated) < uint64(want) {
			want = int(stated)
		}
		cut := stated != 0 && stated != 0xFFFFFFFF && uint64(stated) > uint64(len(data))
		if len(got) != want || errors.Is(err, ErrTruncated) != cut {
			t.Fatalf("stated %d, had %d: got %d samples, %v", stated, len(data), len(got), err)
		}
	})
}

func FuzzWAV(f *testing.F) {
	for _, seed := range []file{
		{tag: 1, bits: 16, channels: 1, rate: 16000, data: make([]byte, 40)},
		{tag: 3, bits: 64, channels: 2, rate: 44100, data: make([]byte, 64), extensible: true},
		{tag: 1, bits: 24, channels: 64, rate: 4000, data: make([]byte, 400), dataSize: 0xFFFFFFFF},
		{tag: 1, bits: 8, channels: 1, rate: 383999, data: make([]byte, 40), before: chunk("LIST", []byte("abc"))},
	} {
		f.Add(seed.bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		samples, err := Decode(bytes.NewReader(b))
		if err != nil && !errors.Is(err, ErrTruncated) && samples != nil {
			t.Errorf("samples with the error %v", err)
		}
		for i, v := range samples {
			if !(v >= -1 && v <= 1) {
				t.Fatalf("sample %d = %v, want it in [-1, 1]", i, v)
			}
		}
	})
}
