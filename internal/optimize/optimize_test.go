package optimize

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/engine/worker"
	"atoll/model"
	"atoll/model/graph"
	"atoll/models/modelstest"
	"atoll/precision/quantize"
)

// TestMain makes this test binary its own worker, as atoll is.
func TestMain(m *testing.M) {
	worker.Become()
	os.Exit(m.Run())
}

// sentences is a folder of texts, some plain, some hard to tell.
func sentences(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	subjects := []string{"the film", "this phone", "our dinner", "the plot", "my order", "the sound", "it all"}
	says := []string{"was great", "was not great", "is bad and good", "was the worst ever", "could be better", "is fine i guess", "never worked", "made us happy"}
	for _, s := range subjects {
		for _, v := range says {
			fmt.Fprintln(&b, s, v)
		}
	}
	return folder(t, map[string]string{"a.txt": b.String()})
}

func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// recordings is a folder of tones that come and go, for a voice detector.
func recordings(t testing.TB) string {
	t.Helper()
	const rate, seconds = 16000, 1
	files := make(map[string]string)
	for n := range 2 {
		b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data")
		b = binary.LittleEndian.AppendUint32(b, 2*rate*seconds)
		binary.LittleEndian.PutUint32(b[4:], 36+2*rate*seconds)
		for i := range rate * seconds {
			at := float64(i) / rate
			v := math.Sin(2*math.Pi*float64(110+60*n)*at) * math.Sin(2*math.Pi*2*at) * (1 + math.Sin(2*math.Pi*900*at)) / 3
			b = binary.LittleEndian.AppendUint16(b, uint16(int16(v*20000)))
		}
		files[fmt.Sprintf("%d.wav", n)] = string(b)
	}
	return folder(t, files)
}

// arrays is a folder of .npy files for a model with four inputs.
func arrays(t testing.TB) string {
	t.Helper()
	files := make(map[string]string)
	for n := range 12 {
		header := "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }\n"
		b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
		b = append(b, header...)
		for i := range 4 {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(math.Sin(float64(5*n+i)))))
		}
		files[fmt.Sprintf("%02d.npy", n)] = string(b)
	}
	return folder(t, files)
}

// small is a model of two layers with four inputs.
func small(t testing.TB, change func(graph.Editor)) []byte {
	t.Helper()
	m := &model.Model{Version: 3, Buffers: [][]byte{nil}, Subgraphs: make([]model.Subgraph, 1)}
	e := graph.Edit(m, 0)
	w := make([]float32, 16)
	for i := range w {
		w[i] = float32(math.Sin(float64(3*i + 1)))
	}
	x := e.AddTensor(model.Tensor{Name: "x", Shape: []int32{1, 4}})
	e.Graph.Inputs = []int32{x}
	for _, name := range []string{"a", "b"} {
		y := e.AddTensor(model.Tensor{Name: name, Shape: []int32{1, 4}})
		weights := e.AddConstant(model.Tensor{Name: name + "/w", Shape: []int32{4, 4}}, graph.Float32Bytes(w))
		e.Graph.Operators = append(e.Graph.Operators, model.Operator{
			Opcode: e.Code(model.OpFullyConnected, 1), Inputs: []int32{x, weights, -1}, Outputs: []int32{y},
			Options: model.NewOptions("FullyConnectedOptions", nil),
		})
		x = y
	}
	e.Graph.Outputs = []int32{x}
	if change != nil {
		change(e)
	}
	data, err := m.Write()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func run(t testing.TB, data []byte, o Options) (*Result, error) {
	t.Helper()
	return Run(context.Background(), engine.Options{}, data, o)
}

// TestRun: both models of the seconds in every precision, from file to file.
func TestRun(t *testing.T) {
	for _, test := range []struct {
		modality  model.Modality
		calibrate string
		smaller   map[string]float64 // how many times, at least
	}{
		{model.Text, sentences(t), map[string]float64{"": 0.99, "f32": 0.99, "f16": 1.9, "int8-dynamic": 3.5, "int8": 3.5, "mixed": 1.9}},
		{model.Audio, recordings(t), map[string]float64{"f16": 1.8, "int8-dynamic": 2.5}},
	} {
		data := modelstest.Data(t, test.modality, "f32")
		for precision, smaller := range test.smaller {
			name := fmt.Sprintf("%v, %q", test.modality, precision)
			var told []Progress
			r, err := run(t, data, Options{Precision: precision, Calibrate: test.calibrate, Clipping: quantize.MinMax, MaxDrop: 1, Report: func(p Progress) { told = append(told, p) }})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			checkResult(t, name, data, r, precision, smaller)
			if strings.Contains(precision, "int8") && len(told) == 0 {
				t.Errorf("%s: no progress was reported", name)
			}
		}
	}
}

func checkResult(t *testing.T, name string, data []byte, r *Result, precision string, smaller float64) {
	t.Helper()
	m, err := model.Read(r.Model)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	c := &r.Card
	if c.Before.Bytes != int64(len(data)) || c.After.Bytes != int64(len(r.Model)) || c.After.Ops != len(m.Subgraphs[0].Operators) {
		t.Errorf("%s: card %+v, %+v", name, c.Before, c.After)
	}
	if got := float64(len(data)) / float64(len(r.Model)); got < smaller {
		t.Errorf("%s: %.2f times smaller, want %v", name, got, smaller)
	}
	if c.Before.Accuracy == nil || *c.Before.Accuracy != 1 || c.After.Accuracy == nil || *c.After.Accuracy < 0.6 {
		t.Errorf("%s: %+v, %+v: want an accuracy of 1 and most decisions as before", name, c.Before.Score, c.After.Score)
	}
	if (len(c.Layers) > 0) != (precision != "") || c.Layers == nil || c.Notes == nil {
		t.Errorf("%s: layers %v, notes %v", name, c.Layers, c.Notes)
	}
	for _, l := range c.Layers {
		if precision == "f32" && l.SNR < 100 || l.Format == "" || math.IsNaN(l.SNR) {
			t.Errorf("%s: layer %+v", name, l)
		}
	}
}

// TestWithoutData: what needs none works without.
func TestWithoutData(t *testing.T) {
	for _, precision := range []string{"", "f32", "f16", "int8-dynamic"} {
		r, err := run(t, small(t, nil), Options{Precision: precision})
		if err != nil {
			t.Errorf("%q: %v", precision, err)
			continue
		}
		if r.Card.After.Accuracy != nil || len(r.Card.Layers) != 0 {
			t.Errorf("%q: accuracy %v, layers %v without data", precision, r.Card.After.Accuracy, r.Card.Layers)
		}
	}
}

func TestRefused(t *testing.T) {
	op := func(code model.OperatorCode) func(graph.Editor) {
		return func(e graph.Editor) {
			e.Model.OperatorCodes = append(e.Model.OperatorCodes, code)
			e.Graph.Operators = append(e.Graph.Operators, model.Operator{Opcode: uint32(len(e.Model.OperatorCodes) - 1), Inputs: []int32{0}, Outputs: []int32{e.AddTensor(model.Tensor{Name: "z", Shape: []int32{1, 4}})}})
		}
	}
	quantized, err := run(t, small(t, nil), Options{Precision: "int8", Calibrate: arrays(t), MaxDrop: 1})
	if err != nil {
		t.Fatal(err)
	}
	noLayer := small(t, func(e graph.Editor) { e.Graph.Operators, e.Graph.Outputs = nil, e.Graph.Inputs })
	for _, test := range []struct {
		name string
		data []byte
		o    Options
		want string
		is   error // or nil
	}{
		{"unknown precision", small(t, nil), Options{Precision: "int4"}, `unknown precision "int4"`, nil},
		{"unknown clipping", small(t, nil), Options{Precision: "f16", Clipping: "max"}, `unknown clipping "max"`, nil},
		{"control flow", small(t, op(model.OperatorCode{Builtin: model.OpIf, Version: 1})), Options{Precision: "f16"}, "IF, control flow", quantize.ErrUnsafe},
		{"custom operator", small(t, op(model.OperatorCode{Builtin: model.OpCustom, Custom: "Mystery", Version: 1})), Options{Precision: "f16"}, `custom "Mystery"`, quantize.ErrUnsafe},
		{"quantized already", quantized.Model, Options{Precision: "f16"}, "quantized already", quantize.ErrUnsafe},
		{"no layer", noLayer, Options{Precision: "f16"}, "no layer", quantize.ErrUnsafe},
		{"no model", []byte("hello"), Options{}, "", nil},
		{"empty", nil, Options{}, "", nil},
		{"no such folder", small(t, nil), Options{Precision: "int8", Calibrate: "/no/such"}, "/no/such", os.ErrNotExist},
		{"empty folder", small(t, nil), Options{Precision: "int8", Calibrate: t.TempDir()}, "calibration data", nil},
		{"other data", small(t, nil), Options{Precision: "int8", Calibrate: recordings(t)}, "calibration data", nil},
	} {
		r, err := run(t, test.data, test.o)
		if err == nil || r != nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: result %v, error %v, want one with %q", test.name, r != nil, err, test.want)
		}
	}
	for what, o := range map[string]Options{
		"precision int8": {Precision: "int8"}, "precision mixed": {Precision: "mixed"}, "sparsity": {Sparsity: 0.5},
	} {
		_, err := run(t, small(t, nil), o)
		if need, ok := errors.AsType[*NeedsDataError](err); !ok || need.What != what {
			t.Errorf("%s without data: %v, want a NeedsDataError", what, err)
		}
	}
}

// TestDrop: a model that loses too much comes with its error.
func TestDrop(t *testing.T) {
	// Outputs that differ by less than a step of 8 bits: which is largest can't be told.
	data := small(t, func(e graph.Editor) {
		last := e.Graph.Operators[1].Inputs[1]
		w := make([]float32, 16)
		for i := range w {
			w[i] = 1 + float32(math.Sin(float64(9*i)))/5000
		}
		e.SetConstant(last, graph.Float32Bytes(w))
	})
	r, err := run(t, data, Options{Precision: "int8", Calibrate: arrays(t), MaxDrop: 1e-9})
	drop, ok := errors.AsType[*DropError](err)
	if !ok {
		t.Fatalf("error %v, want a DropError", err)
	}
	if r == nil || len(r.Model) == 0 || *r.Card.After.Accuracy != drop.After || *r.Card.Before.Accuracy != drop.Before || drop.Before-drop.After <= drop.Most {
		t.Errorf("result %v with %+v", r, drop)
	}
}

// TestSame: the same bytes each time, with any number of workers.
func TestSame(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for name, test := range map[string]struct {
		workers []int
		data    []byte
		o       Options
	}{
		"small, int8":  {[]int{1, 3, 3}, small(t, nil), Options{Precision: "int8", Calibrate: arrays(t), MaxDrop: 1}},
		"small, mixed": {[]int{1, 3, 3}, small(t, nil), Options{Precision: "mixed", Calibrate: arrays(t), MaxDrop: 1}},
		"text, int8":   {[]int{1, 3}, modelstest.Data(t, model.Text, "f32"), Options{Precision: "int8", Calibrate: sentences(t), Clipping: quantize.MinMax, MaxDrop: 1}},
	} {
		var first []byte
		for _, workers := range test.workers {
			runtime.GOMAXPROCS(workers)
			r, err := run(t, test.data, test.o)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if first == nil {
				first = r.Model
			}
			if !bytes.Equal(r.Model, first) {
				t.Errorf("%s: with %d workers another model than with one", name, workers)
			}
		}
	}
}

// TestCancelled: the work ends wherever it is, and leaves nothing behind; nor does work
// that is done.
func TestCancelled(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	data, where := small(t, nil), arrays(t)
	phases := []string{"equalization", "ranges of activations", "rounding of weights", "ranges with each other"}
	for _, phase := range phases {
		ctx, cancel := context.WithCancel(context.Background())
		seen := false
		r, err := Run(ctx, engine.Options{}, data, Options{Precision: "int8", Calibrate: where, MaxDrop: 1, Report: func(p Progress) {
			if p.Doing == phase {
				seen = true
				cancel()
			}
		}})
		if !seen || r != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at %q, which came: %v: error %v", phase, seen, err)
		}
		cancel()
	}
	if _, err := run(t, data, Options{Precision: "int8", Calibrate: where, MaxDrop: 1}); err != nil {
		t.Error(err)
	}
	runtime.GC()
	if got := descriptors(t); got > files {
		t.Errorf("%d descriptors, %d before", got, files)
	}
	for range 1000 { // goroutines of workers see their end a moment later
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		runtime.Gosched()
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("%d goroutines, %d before", got, goroutines)
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestSpread(t *testing.T) {
	list := make([][][]float32, 10)
	for i := range list {
		list[i] = [][]float32{{float32(i)}}
	}
	for n, want := range map[int][]float32{20: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 5: {0, 2, 4, 6, 8}, 1: {0}} {
		var got []float32
		for _, s := range spread(samplesOf(list), n) {
			got = append(got, s[0][0])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d of 10: %v, want %v", n, got, want)
		}
	}
}

func samplesOf(list [][][]float32) (samples []probe.Sample) {
	for _, s := range list {
		samples = append(samples, s)
	}
	return samples
}
