package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// camera is a server inside a synctest bubble. Each connection is given to the next of scripts; the last serves all that follow.
type camera struct {
	t       *testing.T
	mu      sync.Mutex
	scripts []func(conn net.Conn, req *http.Request)
	dialled []string
	dials   []time.Duration
	began   time.Time
}

func newCamera(t *testing.T, scripts ...func(net.Conn, *http.Request)) *camera {
	return &camera{t: t, scripts: scripts, began: time.Now()}
}

func (c *camera) dial(ctx context.Context, _, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialled = append(c.dialled, address)
	c.dials = append(c.dials, time.Since(c.began))
	script := c.scripts[0]
	if len(c.scripts) > 1 {
		c.scripts = c.scripts[1:]
	}
	if script == nil {
		return nil, errors.New("no route to the camera")
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		req, err := http.ReadRequest(bufio.NewReader(server))
		if err != nil {
			return
		}
		script(server, req)
	}()
	return client, nil
}

const multipartHead = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=--frame\r\n\r\n"

// sends answers with text as it is.
func sends(text string) func(net.Conn, *http.Request) {
	return func(conn net.Conn, _ *http.Request) { io.WriteString(conn, text) }
}

// part is one picture of a stream, with its length.
func part(picture []byte) string {
	return fmt.Sprintf("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(picture), picture)
}

// hang sends text and then nothing, until the other side hangs up.
func hang(text string) func(net.Conn, *http.Request) {
	return func(conn net.Conn, _ *http.Request) {
		io.WriteString(conn, text)
		io.Copy(io.Discard, conn)
	}
}

func startCamera(t *testing.T, url string, c *camera) *run {
	t.Helper()
	return start(t, Config{Kind: "mjpeg", URL: url}, Env{Clock: NewClock(), Dial: c.dial, Seed: 1}, DropOldest)
}

func TestMJPEGReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wide, wider := encodeJPEG(t, scene(16, 8)), encodeJPEG(t, scene(24, 8))
		c := newCamera(t,
			nil,               // unplugged
			sends("nonsense"), // no HTTP
			sends("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
			sends("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
			sends("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"),
			sends(multipartHead+part(wide)+part([]byte("broken"))+part(wide)), // then it hangs up
			hang(multipartHead+part(wider)),                                   // then it stalls
			hang(multipartHead+part(wide)),
		)
		r := startCamera(t, "http://joe:secret@camera:8080/live/video.mjpg?pw=secret", c)
		var got []int
		for range 4 {
			it := r.next()
			got = append(got, it.Image.Width)
			r.out.Recycle(it)
		}
		r.stop()
		if want := []int{16, 16, 24, 16}; !slices.Equal(got, want) {
			t.Errorf("widths = %v, want %v", got, want)
		}
		for _, want := range []string{"no route to the camera", "malformed HTTP", "answers 503", "user:password@host", "text/html",
			"unexpected EOF", "no picture for 10s", "a broken picture", "works again", "http://camera:8080/live/video.mjpg"} {
			if !strings.Contains(r.log.String(), want) {
				t.Errorf("the log has no %q:\n%s", want, r.log)
			}
		}
		if strings.Contains(r.log.String(), "secret") || strings.Contains(r.log.String(), "joe") {
			t.Errorf("the log shows user or password:\n%s", r.log)
		}
		if n := r.env.Counters.Broken.Load(); n != 1 {
			t.Errorf("%d broken pictures, want 1", n)
		}
		if stall := c.dials[7] - c.dials[6]; stall < 10*time.Second || stall > 11*time.Second {
			t.Errorf("after a stall it was dialled again in %v, want 10 to 11 s", stall)
		}
		synctest.Wait()
	})
}

func TestMJPEGTakesOnlyModestJPEGs(t *testing.T) {
	wide := encodeJPEG(t, scene(16, 8))
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"PNG":         {encodePNG(t, scene(24, 8)), "not a JPEG picture"},
		"over the 4K": {sequential(3080, 1), "picture of 3080x3080 pixels: 1 to 9 million can be read"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startCamera(t, "http://camera/", newCamera(t, hang(multipartHead+part(c.in)+part(wide))))
				if it := r.next(); it.Image.Width != 16 {
					t.Errorf("a picture %d pixels wide, want the one after it", it.Image.Width)
				}
				r.stop()
				if n := r.env.Counters.Broken.Load(); n != 1 || !strings.Contains(r.log.String(), c.want) {
					t.Errorf("%d broken pictures, log %s; want one with %q", n, r.log, c.want)
				}
				synctest.Wait()
			})
		})
	}
	var into Image
	if err := decodeJPEG(sequential(3072, 1), &into, maxFramePixels); err != nil || len(into.Pix) != 3*maxFramePixels {
		t.Errorf("a frame of the largest size: %v, %d bytes", err, len(into.Pix))
	}
}

func TestMJPEGBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCamera(t, nil)
		r := startCamera(t, "http://camera/", c)
		time.Sleep(10 * time.Minute)
		r.stop()
		last := c.dials[0]
		for i, at := range c.dials[1:] {
			full := min(minBackOff<<min(i, 10), maxBackOff)
			if d := at - last; d < full/2 || d > full {
				t.Errorf("pause %d = %v, want %v to %v", i, d, full/2, full)
			}
			last = at
		}
		if n := strings.Count(r.log.String(), "\n"); n != 1 {
			t.Errorf("%d lines logged for one failure, want 1", n)
		}
	})
}

func TestMJPEGRedirects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		moved := func(to string) func(net.Conn, *http.Request) {
			return sends("HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
		leaked := make(chan string, 1)
		c := newCamera(t, moved("http://elsewhere/v"), func(conn net.Conn, req *http.Request) {
			leaked <- req.Header.Get("Authorization")
			hang(multipartHead+part(encodeJPEG(t, scene(16, 8))))(conn, req)
		})
		r := startCamera(t, "http://joe:secret@camera/", c)
		r.next()
		r.stop()
		if got := <-leaked; got != "" {
			t.Error("another host was sent the password")
		}
		c = newCamera(t, moved("http://joe:secret@camera/round"))
		r = startCamera(t, "http://camera/", c)
		time.Sleep(100 * time.Millisecond)
		r.stop()
		if len(c.dialled) != 4 || !strings.Contains(r.log.String(), "more than 3 redirects") {
			t.Errorf("%d requests, log %s", len(c.dialled), r.log)
		}
		if strings.Contains(r.log.String(), "secret") {
			t.Errorf("the log shows a redirect's password:\n%s", r.log)
		}
	})
}

func TestMJPEGSendsBasicAuth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := make(chan string, 1)
		c := newCamera(t, func(_ net.Conn, req *http.Request) {
			user, password, _ := req.BasicAuth()
			sent <- user + ":" + password
		})
		r := startCamera(t, "http://joe:secret@camera/", c)
		if got := <-sent; got != "joe:secret" {
			t.Errorf("the camera was sent %q", got)
		}
		r.stop()
	})
}

// parts reads all parts of a body.
func parts(t testing.TB, r io.Reader, boundary string, limit int) (all []string, err error) {
	t.Helper()
	p := newPartReader(r, boundary, limit)
	var buf []byte
	for {
		if buf, err = p.next(buf); err != nil {
			return all, err
		}
		all = append(all, string(buf))
	}
}

func TestPartReader(t *testing.T) {
	const jpg, jpg2 = "\xff\xd8 one\n--framed\r\nmore\xff\xd9", "\xff\xd8 two --frame \xff\xd9"
	length := func(s string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(s)) }
	for _, c := range []struct {
		name, boundary, in string
		want               []string
	}{
		{"by the book", "frame", "--frame\r\n" + length(jpg) + "\r\n" + jpg + "\r\n--frame\r\n" + length(jpg2) + "\r\n" + jpg2 + "\r\n--frame--\r\n",
			[]string{jpg, jpg2}},
		{"preamble", "frame", "hello\r\n--frame\r\n\r\n" + jpg + "\r\n--frame--\r\n", []string{jpg}},
		{"no lengths", "frame", "--frame\r\n\r\n" + jpg + "\r\n--frame\r\n\r\n" + jpg2 + "\r\n--frame--\r\n", []string{jpg, jpg2}},
		{"bare line feeds", "frame", "--frame\n\n" + jpg + "\n--frame\n\n" + jpg2 + "\n--frame--\n", []string{jpg, jpg2}},
		{"announced with dashes", "--frame", "--frame\r\n\r\n" + jpg + "\r\n--frame\r\n" + length(jpg2) + "\r\n" + jpg2 + "\r\n--frame--\r\n", []string{jpg, jpg2}},
		{"sent without dashes", "frame", "frame\r\n" + length(jpg) + "\r\n" + jpg + "\r\nframe\r\n\r\n" + jpg2 + "\r\nframe--\r\n", []string{jpg, jpg2}},
		{"not announced", "", "--frame\r\n\r\n" + jpg + "\r\n--frame\r\n\r\n" + jpg2 + "\r\n--frame--\r\n", []string{jpg, jpg2}},
		{"no line end after the picture", "frame", "--frame\r\n\r\n" + jpg + "--frame\r\n" + length(jpg2) + "\r\n" + jpg2 + "--frame--\r\n", []string{jpg, jpg2}},
		{"length too small", "frame", "--frame\r\nContent-Length: 3\r\n\r\n" + jpg + "\r\n--frame\r\n\r\n" + jpg2 + "\r\n--frame--\r\n", []string{jpg[:3], jpg2}},
		{"senseless lengths", "frame", "--frame\r\nContent-Length: -3\r\n\r\n" + jpg + "\r\n--frame\r\ncontent-length: x\r\n\r\n" + jpg2 + "\r\n--frame--\r\n",
			[]string{jpg, jpg2}},
		{"long line", "frame", "--frame\r\n\r\n" + strings.Repeat("x", 3*headerBuffer) + "\r\n--frame--\r\n", []string{strings.Repeat("x", 3*headerBuffer)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				got, err := parts(t, r, c.boundary, 1<<20)
				if !slices.Equal(got, c.want) {
					t.Errorf("parts = %q, want %q", got, c.want)
				}
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("error = %v, want an end", err)
				}
			}
		})
	}
}

func TestPartReaderRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "EOF"},
		{"no boundary", strings.Repeat("x\n", 1000), `no boundary between pictures "frame" in 1`},
		{"no end", "--frame\r\n\r\n" + strings.Repeat("x", 2000), `no boundary between pictures "frame" in 1000 bytes`},
		{"cut in a picture", "--frame\r\n\r\nabc", "unexpected EOF"},
		{"cut in a picture of known length", "--frame\r\nContent-Length: 10\r\n\r\nabc", "unexpected EOF"},
		{"cut in a header", "--frame\r\nContent-", "read a part's header: unexpected EOF"},
		{"endless header", "--frame\r\n" + strings.Repeat("A: b\r\n", 65), "more than 64 lines"},
		{"endless header line", "--frame\r\n" + strings.Repeat("A", 5000), "read a part's header: bufio: buffer full"},
		{"too long", "--frame\r\nContent-Length: 1001\r\n\r\n", "part of 1001 bytes: at most 1000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parts(t, strings.NewReader(c.in), "frame", 1000); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestBoundaryOf(t *testing.T) {
	for in, want := range map[string]string{
		"multipart/x-mixed-replace; boundary=frame":               "frame",
		"multipart/x-mixed-replace;boundary=\"my frame\"; x=y":    "my frame",
		"multipart/x-mixed-replace; charset=x; BOUNDARY = --a/b ": "--a/b",
		"multipart/x-mixed-replace":                               "",
		"multipart/x-mixed-replace; boundary":                     "",
	} {
		if got := boundaryOf(in); got != want {
			t.Errorf("boundaryOf(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPartReaderReusesItsBuffer(t *testing.T) {
	picture := bytes.Repeat([]byte("x"), 5000)
	endless := &repeat{b: []byte(part(picture))}
	p := newPartReader(endless, "frame", 1<<20)
	buf := make([]byte, 0, 8192)
	n := testing.AllocsPerRun(100, func() {
		var err error
		if buf, err = p.next(buf); err != nil || len(buf) != len(picture) {
			t.Fatal(len(buf), err)
		}
	})
	if n > 1 { // the number in Content-Length
		t.Errorf("a part allocates %v times, want at most 1", n)
	}
}

// repeat yields b again and again.
type repeat struct {
	b  []byte
	at int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.b[r.at:])
	r.at = (r.at + n) % len(r.b)
	return n, nil
}

func FuzzMJPEG(f *testing.F) {
	f.Add("frame", []byte("--frame\r\nContent-Length: 3\r\n\r\nabc\r\n--frame\r\n\r\nabc\xff\xd9--frame--\r\n"))
	f.Add("", []byte("--x\n\nabc\n--x\n\n"))
	f.Add("--", []byte("----\n\nabc\n----\n\n"))
	f.Fuzz(func(t *testing.T, boundary string, in []byte) {
		const limit = 1000
		boundaryOf(boundary)
		got, err := parts(t, bytes.NewReader(in), boundary, limit)
		total := 0
		for _, p := range got {
			if len(p) > limit {
				t.Fatalf("part of %d bytes, limit %d", len(p), limit)
			}
			total += len(p)
		}
		if total > len(in) {
			t.Fatalf("%d bytes of parts from %d", total, len(in))
		}
		again, err2 := parts(t, iotest.OneByteReader(bytes.NewReader(in)), boundary, limit)
		if !slices.Equal(got, again) || err.Error() != err2.Error() {
			t.Fatalf("read at once %q, %v; byte by byte %q, %v", got, err, again, err2)
		}
	})
}
