package sandbox

import "net/http"

type route struct{}

func (s *Server) graphRoutes(mux *http.ServeMux) {
	mux.HandleFunc("/v1.0/", http.NotFound)
}
