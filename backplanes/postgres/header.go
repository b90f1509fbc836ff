package postgres

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/kawat-go/kawat/core/backplane"
)

// A header is what a notification says of a message that is in the table.
type header struct {
	UID       string         `json:"uid"`
	Type      backplane.Kind `json:"type"`
	Namespace string         `json:"nsp"` // not on the channels that Node's servers hear
	ID        json.Number    `json:"attachmentId"`
}

const headerEnd = `"}`

// begin returns the header's JSON up to the row's id; headerEnd is behind it.
func (h header) begin() string {
	text := append([]byte(`{"uid":`), quoteJSON(h.UID)...)
	text = strconv.AppendUint(append(text, `,"type":`...), uint64(h.Type), 10)
	if h.Namespace != "" {
		text = append(append(text, `,"nsp":`...), quoteJSON(h.Namespace)...)
	}
	return string(append(text, `,"attachmentId":"`...))
}

func quoteJSON(s string) []byte {
	text, _ := json.Marshal(s) // a string never fails
	return text
}

// readHeader returns the header that a notification has, and the row's id, if it is one.
func readHeader(payload []byte) (h header, id int64, ok bool) {
	const long = 1024 // longer than any
	if len(payload) > long || !bytes.Contains(payload, []byte(`"attachmentId"`)) {
		return header{}, 0, false
	}
	if json.Unmarshal(payload, &h) != nil {
		return header{}, 0, false
	}
	id, err := h.ID.Int64()
	return h, id, err == nil
}
