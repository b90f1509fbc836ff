package packet

// JSON returns the codec that all stock clients speak: JSON text, with binary
// values taken out of it and sent along as attachments.
func JSON() Codec { return JSONCodec{} }

// JSONCodec is the codec behind [JSON], for those who must change its settings.
type JSONCodec struct {
	// MaxAttachments is how many binary values one packet may carry to the
	// client. Default: 10, beyond which stock clients (socket.io-parser 4.2.6
	// and later) refuse the packet and disconnect. Raise it together with the
	// clients' own limit only.
	MaxAttachments int
}

// NewDecoder implements [Codec].
func (c JSONCodec) NewDecoder(limits Limits) Decoder {
	limits = limits.Default()
	if limits == defaultLimits {
		return &jsonDecoder{limits: &defaultLimits}
	}
	own := limits
	return &jsonDecoder{limits: &own}
}

// defaultLimits are shared by the decoders that have no others: that saves each of
// them 32 bytes.
var defaultLimits = Limits{}.Default()
