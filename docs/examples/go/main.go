// A whole service: `go run .`. Configured by the environment.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"example.com/photos/oauth1"
)

func show(w http.ResponseWriter, r *http.Request) {
	verdict := oauth1.From(r)
	var user any
	if verdict.Subject != "" {
		user = verdict.Username
	}
	form := map[string][]string{}
	if err := r.ParseForm(); err == nil {
		form = r.PostForm
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"client_id": verdict.ClientID, "user": user, "scope": verdict.Scope, "form": form})
}

func main() {
	timeout, err := time.ParseDuration(os.Getenv("INTROSPECTION_TIMEOUT") + "s")
	if err != nil {
		timeout = 3 * time.Second
	}
	service := &oauth1.Introspection{URL: os.Getenv("INTROSPECTION_URL"), Key: os.Getenv("INTROSPECTION_KEY"),
		Origin: os.Getenv("ORIGIN"), Timeout: timeout}

	photos := service.Protect("photos:read", http.HandlerFunc(show))
	admin := service.Protect("photos:write", http.HandlerFunc(show))
	batch := service.ProtectTwoLegged("photos:read", http.HandlerFunc(show))

	// Routed by hand: http.ServeMux would redirect `//x`.
	router := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/admin"):
			admin.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/batch"):
			batch.ServeHTTP(w, r)
		default:
			photos.ServeHTTP(w, r)
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), router))
}
