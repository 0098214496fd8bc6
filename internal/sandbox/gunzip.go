package sandbox

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
)

// maxInflated bounds a request's body after decompression, in bytes.
const maxInflated = 16 << 20

var errNotGzip = errors.New("the request's body is not what its Content-Encoding says")

// gunzipped decodes the bodies that Microsoft's SDKs compress. A body that only claims to be compressed is refused,
// as a real server does, so that a client that resends one in clear is found out.
func gunzipped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Encoding") == "gzip" {
			plain, err := inflate(r.Body)
			if err != nil {
				http.Error(w, errNotGzip.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(plain))
			r.ContentLength = int64(len(plain))
			r.Header.Del("Content-Encoding")
		}
		next.ServeHTTP(w, r)
	})
}

func inflate(body io.Reader) ([]byte, error) {
	reader, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(reader, maxInflated+1))
	if err == nil && len(plain) > maxInflated {
		err = errNotGzip
	}
	return plain, err
}
