// Package http is HTTP through the host's client. Only granted hosts can be reached; a redirect
// comes back as it is, so that following it is a request of its own.
package http

import (
	"strings"
	"time"

	"narthexsdk/internal/gate"
	"narthexsdk/secrets"
)

// Request is a request. Make one with Get or Post, or of the fields.
type Request struct {
	Method string
	// URL is absolute, http or https.
	URL  string
	Body []byte
	// Timeout is the request's own; the call's deadline applies in any case.
	Timeout time.Duration
	// TLS is the name of a TLS profile in the operator's configuration; empty is the system's
	// authorities and no client certificate.
	TLS string

	headers []gate.Header
}

// Get is a request without a body.
func Get(url string) *Request { return &Request{Method: "GET", URL: url} }

// Post is a request with a body.
func Post(url, contentType string, body []byte) *Request {
	request := &Request{Method: "POST", URL: url, Body: body}
	return request.Header("Content-Type", contentType)
}

// Header adds a header.
func (r *Request) Header(name, value string) *Request {
	return r.add(gate.Header{Form: gate.HeaderPlain, Name: name, Plain: value})
}

// SecretHeader adds a header whose value is the secret alone.
func (r *Request) SecretHeader(name string, secret *secrets.Secret) *Request {
	return r.add(gate.Header{Form: gate.HeaderSecret, Name: name, Secret: secret.Inner})
}

// Bearer adds an Authorization header with the secret as the token.
func (r *Request) Bearer(token *secrets.Secret) *Request {
	return r.add(gate.Header{Form: gate.HeaderBearer, Name: "Authorization", Secret: token.Inner})
}

// Basic adds an Authorization header of a user and the secret as the password.
func (r *Request) Basic(user string, password *secrets.Secret) *Request {
	return r.add(gate.Header{
		Form: gate.HeaderBasic, Name: "Authorization", Plain: user, Secret: password.Inner,
	})
}

func (r *Request) add(header gate.Header) *Request {
	r.headers = append(r.headers, header)
	return r
}

func (r *Request) outgoing() *gate.Request {
	outgoing := &gate.Request{
		Method:    r.Method,
		URL:       r.URL,
		Headers:   r.headers,
		Body:      r.Body,
		TimeoutMs: uint32(min(r.Timeout.Milliseconds(), 1<<31)),
	}
	if r.TLS != "" {
		outgoing.TLS = &r.TLS
	}
	return outgoing
}

// Response is a whole answer. Any status is an answer, not an error.
type Response struct {
	Status int
	Body   []byte

	headers []gate.Pair
}

// Header returns the value of the first header of that name, whatever its case; empty where there
// is none.
func (r *Response) Header(name string) string {
	for _, header := range r.headers {
		if strings.EqualFold(header.Name, name) {
			return header.Value
		}
	}
	return ""
}

// Stored is an answer whose body stays with the host, until the end of the call: hand it over with
// Batch.Response.
type Stored gate.Stored

// Send sends a request and reads the whole answer.
func Send(request *Request) (*Response, error) {
	response, err := gate.Current.Send(request.outgoing())
	if err != nil {
		return nil, err
	}
	return &Response{response.Status, response.Body, response.Headers}, nil
}

// Fetch sends a request and leaves the body with the host.
func Fetch(request *Request) (*Stored, error) {
	stored, err := gate.Current.Fetch(request.outgoing())
	return (*Stored)(stored), err
}
