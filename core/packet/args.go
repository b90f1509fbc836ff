package packet

import "fmt"

// Args are the arguments of an incoming packet, as the peer encoded them. They
// own their memory. The zero value holds none. Args may be copied, kept and read
// from several goroutines at once.
type Args struct {
	bind        BindFunc
	one         []byte   // the argument, when there is one: spares an allocation
	many        [][]byte // the arguments, when there are more
	attachments [][]byte
}

// A BindFunc decodes one argument, in a codec's own encoding, into the Go value
// that into points to. It is called from any goroutine.
type BindFunc func(raw []byte, attachments [][]byte, into any) error

// NewArgs makes the Args of a [Codec]: the arguments as they are encoded, the
// attachments that they may refer to, and what decodes them. All slices belong to
// the Args from then on.
func NewArgs(bind BindFunc, raw, attachments [][]byte) Args {
	return Args{bind: bind, many: raw, attachments: attachments}
}

// Len returns the number of arguments.
func (a Args) Len() int {
	if a.one != nil {
		return 1
	}
	return len(a.many)
}

// Bind decodes argument i, counted from 0, into the Go value that into points to.
// The error names the argument, what was found and the Go type; it is an error
// too when there is no such argument. A panic in a method of the user's type
// comes out as an error.
func (a Args) Bind(i int, into any) (err error) {
	if i < 0 || i >= a.Len() {
		return fmt.Errorf("argument %d is missing: there are %d", i, a.Len())
	}
	defer caught(&err)
	if err := a.bind(a.Raw(i), a.attachments, into); err != nil {
		return fmt.Errorf("argument %d: %w", i, err)
	}
	return nil
}

// Value decodes argument i for those who do not know its type, such as logs:
// into nil, bool, float64, string, []byte, []any or map[string]any.
func (a Args) Value(i int) (any, error) {
	var v any
	err := a.Bind(i, &v)
	return v, err
}

// Raw returns argument i as it was encoded, with placeholders where binary was,
// or nil if there is no such argument. The caller must not change it.
func (a Args) Raw(i int) []byte {
	switch {
	case i < 0 || i >= a.Len():
		return nil
	case a.one != nil:
		return a.one
	}
	return a.many[i]
}

// Size returns how many bytes the arguments hold, their attachments included.
func (a Args) Size() int {
	const header = 24 // of a slice
	size := len(a.one) + header*(len(a.many)+len(a.attachments))
	for _, raw := range a.many {
		size += len(raw)
	}
	for _, data := range a.attachments {
		size += len(data)
	}
	return size
}
