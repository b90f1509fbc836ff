package engine

import "testing"

// What the protocol looks up is what Query would have found.
func TestProtocolQuery(t *testing.T) {
	for _, raw := range []string{
		"", "EIO=4&transport=polling", "EIO=4&transport=polling&sid=abc&t=x1", "sid=a&sid=b&EIO=3&EIO=4",
		"EIO&transport&sid&j&b64", "EIO=&b64=1&j=0&j=1", "&&sid=a&", "=x&sid==a=b", "xsid=1&sidx=2&SID=3",
		"%73id=abc&transport=poll%69ng", "sid=a+b&EIO=%34", "sid=a;b&EIO=4", "sid=%zz&EIO=4", "token=a;b&sid=50%",
	} {
		r := &Request{RawQuery: raw}
		q, all := r.query(), r.Query()
		for name, got := range map[string]param{
			"transport": q.transport, "sid": q.sid, "EIO": q.revision, "j": q.j, "b64": q.b64,
		} {
			if want := (param{all.Get(name), len(all[name])}); got != want {
				t.Errorf("%q: %s is %v, want %v", raw, name, got, want)
			}
		}
	}
	r := &Request{RawQuery: "EIO=4&transport=polling&t=Pq1X2Y3&sid=0123456789abcdefghij"}
	if n := testing.AllocsPerRun(100, func() { _ = r.query() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
