package narthexsdk

import (
	"net/netip"
	"strconv"
	"strings"
)

// Target is what is to be read.
type Target struct {
	// Address is host and port, as in the label __address__.
	Address string
	// Labels are the target's after relabelling, without those that begin with "__".
	Labels []Label
	// Params are the job's URL parameters, one for each value.
	Params []Label
}

// Label returns the value of a label.
func (t Target) Label(name string) (string, bool) { return value(t.Labels, name) }

// Param returns the first value of a URL parameter.
func (t Target) Param(name string) (string, bool) { return value(t.Params, name) }

// HostPort splits the address; the host of an IPv6 address comes without its brackets.
func (t Target) HostPort() (host string, port uint16, err error) {
	fault := Errorf(ConfigError, "the target's address %q is not host:port", t.Address)
	at := strings.LastIndexByte(t.Address, ':')
	if at <= 0 {
		return "", 0, fault
	}
	number, err := strconv.ParseUint(t.Address[at+1:], 10, 16)
	if err != nil {
		return "", 0, fault
	}
	host = t.Address[:at]
	if bare, found := strings.CutPrefix(host, "["); found {
		host, found = strings.CutSuffix(bare, "]")
		if _, err := netip.ParseAddr(host); !found || err != nil {
			return "", 0, fault
		}
	} else if strings.Contains(host, ":") {
		return "", 0, fault
	}
	return host, uint16(number), nil
}
