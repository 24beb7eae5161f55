package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"atoll/model"
)

func init() {
	register("mjpeg", kind{
		modality: model.Vision,
		live:     true,
		keys:     []string{"url", "timeout"},
		open:     openMJPEG,
	})
}

const (
	maxFrameBytes  = 8 << 20     // of one JPEG in a stream
	maxFramePixels = 4096 * 2304 // of one JPEG in a stream: frame after frame is decoded, so less than of a picture
	maxRedirects   = 3
	defaultTimeout = 10 * time.Second
)

// mjpeg watches a camera that sends JPEG after JPEG over HTTP, each of at most maxFramePixels pixels; what else it sends counts as
// broken. A stream that ends, fails or brings no picture for cfg.Timeout
// (default 10 s) is opened anew.
type mjpeg struct {
	base
	url    string // without user and password
	shown  string // what errors and logs call it: nor the query, which may hold a password too
	user   *url.Userinfo
	client *http.Client
	data   []byte // of the current frame, reused
}

func openMJPEG(b base) (Source, error) {
	if b.cfg.URL == "" {
		return nil, errors.New("url is missing: the camera's, like http://camera/video.mjpg")
	}
	u, err := url.Parse(b.cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("url is not that of a camera: want http:// or https:// and a host") // may hold a password: not shown
	}
	if b.cfg.Timeout.Duration == 0 {
		b.cfg.Timeout = Duration{Duration: defaultTimeout}
	}
	s := &mjpeg{base: b, user: u.User, shown: u.Scheme + "://" + u.Host + u.EscapedPath()}
	u.User = nil
	s.url = u.String()
	s.client = &http.Client{
		Transport: &http.Transport{
			DialContext:            b.env.Dial,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			return nil
		},
	}
	return s, nil
}

func (s *mjpeg) Run(ctx context.Context, out *Queue) error {
	defer s.client.CloseIdleConnections()
	return s.retry(ctx, func(working func()) error {
		err := s.watch(ctx, out, working)
		if err != nil && !errors.Is(err, ErrClosed) {
			return fmt.Errorf("camera at %s: %w", s.shown, err)
		}
		return err
	})
}

// watch opens the stream and delivers its pictures until it fails.
func (s *mjpeg) watch(ctx context.Context, out *Queue, working func()) error {
	timeout := s.cfg.Timeout.Duration
	request, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(timeout, func() { cancel(fmt.Errorf("no picture for %v", timeout)) })
	defer stall.Stop()

	body, parts, err := s.connect(request)
	if err != nil {
		return causeOf(request, err)
	}
	defer body.Close()
	broken := false
	for {
		if s.data, err = parts.next(s.data); err != nil {
			return causeOf(request, fmt.Errorf("the stream ended: %w", unexpected(err)))
		}
		it := s.item(out, "")
		it.At = s.env.Clock.Now()
		if err := decodeJPEG(s.data, &it.Image, maxFramePixels); err != nil {
			out.Recycle(it)
			s.env.Counters.Broken.Add(1)
			if !broken {
				s.log.Warn().Err(err).Msg("the camera sends a broken picture")
			}
			broken = true
			continue
		}
		if err := s.put(ctx, out, it); err != nil {
			return err
		}
		broken = false
		stall.Reset(timeout)
		working()
	}
}

// connect asks for the stream.
func (s *mjpeg) connect(ctx context.Context) (io.Closer, *partReader, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, nil, err
	}
	if s.user != nil {
		password, _ := s.user.Password()
		req.SetBasicAuth(s.user.Username(), password)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err // without the address, which may be a redirect's with a password in it
		}
		return nil, nil, err
	}
	kind := resp.Header.Get("Content-Type")
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		err = errors.New("it wants a user and a password: put them into url, like http://user:password@host/")
	case resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("it answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	case !strings.HasPrefix(strings.ToLower(strings.TrimSpace(kind)), "multipart/"):
		err = fmt.Errorf("it sends %q, not multipart/x-mixed-replace: is this the address of its MJPEG stream?", kind)
	}
	if err != nil {
		resp.Body.Close()
		return nil, nil, err
	}
	return resp.Body, newPartReader(resp.Body, boundaryOf(kind), maxFrameBytes), nil
}

// causeOf is why ctx was cancelled, if it was, since err then only says that it was.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
