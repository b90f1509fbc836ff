package host

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"
)

// Of a request's context its values last, and of what only ended it nothing is kept.
func TestDetached(t *testing.T) {
	type key int
	cancelled := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(nil)
		return ctx
	}
	value := func(ctx context.Context, k key) context.Context { return context.WithValue(ctx, k, int(k)) }
	late, cancel := context.WithDeadline(value(t.Context(), 1), time.Unix(1, 0))
	defer cancel()
	var none context.Context // as of an adapter without an option for it
	inner := value(context.Background(), 1)
	for name, c := range map[string]struct {
		ctx  context.Context
		last key             // of the values, which begin with 1
		kept context.Context // nil where that is not ours to say
	}{
		"bare":              {inner, 1, inner},
		"as of a server":    {cancelled(cancelled(inner)), 1, inner},
		"value in between":  {cancelled(value(cancelled(inner), 2)), 2, nil},
		"value around":      {value(cancelled(inner), 2), 2, nil},
		"deadline":          {late, 1, nil},
		"deadline inside":   {value(cancelled(late), 2), 2, nil},
		"cancellation only": {cancelled(context.Background()), 0, context.Background()},
	} {
		for way, ctx := range map[string]context.Context{
			"given":     detached(c.ctx, nil),
			"request's": detached(none, httptest.NewRequest("GET", "/", nil).WithContext(c.ctx)),
		} {
			for k := key(1); k <= c.last; k++ {
				if ctx.Value(k) != int(k) {
					t.Errorf("%s, %s: the value %d is %v", name, way, k, ctx.Value(k))
				}
			}
			if _, ends := ctx.Deadline(); ends || ctx.Done() != nil || ctx.Err() != nil || context.Cause(ctx) != nil {
				t.Errorf("%s, %s: has an end", name, way)
			}
			if c.kept != nil && ctx != c.kept {
				t.Errorf("%s, %s: more is kept than values: %v", name, way, ctx)
			}
		}
	}
}
