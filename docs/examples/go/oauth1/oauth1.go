// Package oauth1 protects net/http handlers with OAuth 1: it asks Countersign's introspection service about each request.
//
//	protect := (&oauth1.Introspection{URL: "https://introspection.internal", Key: key, Origin: "https://api.example.com"}).Protect
//	http.ListenAndServe(addr, protect("photos:read", photos))
//
// Put it outside of http.ServeMux, not inside: the mux answers paths such as `//x` or `/a/../b` with a redirect, and a
// signature does not survive a redirect.
package oauth1

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// BodyMaxBytes is what the service takes, less base64 and the rest of the call.
const BodyMaxBytes = 180_000

// Introspection says whom to ask.
type Introspection struct {
	URL string // of the service
	Key string // from `auth-service resource-server create`
	// Origin is the scheme, host and port that clients sign: configured, never r.Host. Whoever receives a request that
	// was signed for his own server could otherwise send it here, with his Host, and it would verify.
	Origin  string
	Timeout time.Duration // of a whole call; 0 is 3 s

	once   sync.Once
	client *http.Client
}

// Verdict is what the service says of a good request.
type Verdict struct {
	ClientID string `json:"client_id"`
	Subject  string `json:"sub"` // empty: two-legged
	Username string `json:"username"`
	Scope    string `json:"scope"`
	OAuth1   struct {
		Legs     int    `json:"legs"`
		BodyHash string `json:"body_hash"`
	} `json:"oauth1"`
}

type answer struct {
	Verdict
	Active  bool     `json:"active"`
	Problem *refusal `json:"problem"`
}

type refusal struct {
	Code        string `json:"code"`
	Status      int    `json:"status"`
	Challenge   string `json:"www_authenticate"`
	Description string `json:"description"`
	retryAfter  string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Description) }

type question struct {
	Method        string  `json:"method"`
	URL           string  `json:"url"`
	Authorization *string `json:"authorization,omitempty"`
	ContentType   string  `json:"content_type,omitempty"`
	BodyBase64    *string `json:"body_base64,omitempty"` // a pointer: an empty form is a form
	RequiredScope string  `json:"required_scope,omitempty"`
}

type contextKey struct{}

// From gives the verdict on the request that a protected handler serves.
func From(r *http.Request) *Verdict { return r.Context().Value(contextKey{}).(*Verdict) }

// Protect lets through what is signed by a token with every one of these scopes, separated by spaces.
func (s *Introspection) Protect(scope string, next http.Handler) http.Handler {
	return s.protect(scope, 3, next)
}

// ProtectTwoLegged also lets clients in that sign without a token; Verdict.Subject is empty for them.
func (s *Introspection) ProtectTwoLegged(scope string, next http.Handler) http.Handler {
	return s.protect(scope, 2, next)
}

func (s *Introspection) protect(scope string, leastLegs int, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verdict, err := s.judge(w, r, scope, leastLegs)
		if err != nil {
			refuse(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, verdict)))
	})
}

func (s *Introspection) judge(w http.ResponseWriter, r *http.Request, scope string, leastLegs int) (*Verdict, error) {
	q, err := s.describe(w, r)
	if err != nil {
		return nil, err
	}
	q.RequiredScope = scope
	verdict, err := s.ask(r.Context(), q)
	if err == nil && verdict.OAuth1.Legs < leastLegs {
		return nil, &refusal{Code: "token_rejected", Status: 401, Challenge: "OAuth", Description: "This needs a token."}
	}
	return verdict, err
}

// describe: r.RequestURI is the target byte for byte; r.URL is parsed, and its String() escapes anew.
func (s *Introspection) describe(w http.ResponseWriter, r *http.Request) (*question, error) {
	if !strings.HasPrefix(r.RequestURI, "/") || !utf8.ValidString(r.RequestURI) { // json.Marshal would write U+FFFD
		return nil, &refusal{Code: "invalid_request", Status: 400, Description: "The request target must be a path in UTF-8."}
	}
	q := &question{Method: r.Method, URL: s.Origin + r.RequestURI, ContentType: r.Header.Get("Content-Type")}
	if authorization := r.Header.Values("Authorization"); len(authorization) > 0 {
		joined := strings.Join(authorization, ", ") // two are one too many; the service says so
		q.Authorization = &joined
	}
	if !isForm(q.ContentType) && !namesBodyHash(r) {
		return q, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, BodyMaxBytes))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, &refusal{Code: "invalid_request", Status: 413, Description: "The signed body is too large."}
	} else if err != nil {
		return nil, &refusal{Code: "invalid_request", Status: 400, Description: "The body could not be read."}
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // for the handler
	encoded := base64.StdEncoding.EncodeToString(body)
	q.BodyBase64 = &encoded
	return q, nil
}

// isForm: in any case and with any parameter, for any method, a form body is part of the signature. ParseMediaType
// still names the type when it does not like the parameters.
func isForm(contentType string) bool {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	before, _, _ := strings.Cut(contentType, ";")
	const form = "application/x-www-form-urlencoded"
	return mediaType == form || strings.EqualFold(strings.TrimSpace(before), form)
}

func namesBodyHash(r *http.Request) bool {
	text := strings.Join(r.Header.Values("Authorization"), " ") + " " + r.RequestURI
	decoded, err := url.PathUnescape(text) // the name may be escaped
	return err != nil || strings.Contains(decoded, "oauth_body_hash")
}

// The transport keeps connections alive. It repeats a POST only if not a byte of it was sent, and so must whoever puts
// another in its place: a call whose answer was lost may have spent the nonce.
func (s *Introspection) connect() {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 3 * time.Second
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64 // 2 is the default
	s.client = &http.Client{Timeout: timeout, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

func (s *Introspection) ask(ctx context.Context, q *question) (*Verdict, error) {
	s.once.Do(s.connect)
	body, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, "POST", strings.TrimRight(s.URL, "/")+"/v1/introspect", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.Key)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body) // to its end, or the connection is not used again
	if err != nil {
		return nil, err
	}
	if response.StatusCode != 200 { // 503: a store is down; 401, 403, 400: this server's key or configuration is wrong
		log.Printf("the introspection service answered %d: %s", response.StatusCode, content)
		return nil, unavailable(response.Header.Get("Retry-After"))
	}
	return verdict(content)
}

func verdict(content []byte) (*Verdict, error) {
	var a answer
	if err := json.Unmarshal(content, &a); err != nil {
		return nil, err
	}
	switch {
	case a.Active && a.OAuth1.BodyHash == "unchecked":
		return nil, &refusal{Code: "signature_invalid", Status: 401, Challenge: "OAuth", Description: "oauth_body_hash was not checked"}
	case a.Active:
		return &a.Verdict, nil
	case a.Problem != nil && a.Problem.Status == 503:
		return nil, unavailable("")
	case a.Problem != nil && a.Problem.Status >= 400:
		return nil, a.Problem
	}
	return nil, errors.New("the introspection service answered neither a verdict nor a problem")
}

func unavailable(retryAfter string) *refusal {
	if retryAfter == "" {
		retryAfter = "1"
	}
	return &refusal{Code: "temporarily_unavailable", Status: 503, retryAfter: retryAfter,
		Description: "The signature could not be checked. Sign a new request."}
}

// refuse: whatever is no verdict ends in 503, never in letting the request through.
func refuse(w http.ResponseWriter, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		log.Printf("introspection: %v", err)
		r = unavailable("")
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json")
	if r.Challenge != "" {
		header.Set("WWW-Authenticate", r.Challenge)
	}
	if r.Status == 503 {
		header.Set("Retry-After", r.retryAfter)
	}
	w.WriteHeader(r.Status)
	json.NewEncoder(w).Encode(map[string]string{"error": r.Code, "error_description": r.Description})
}
