package host

import (
	"context"
	"net/http"
	"reflect"
)

// detached keeps the context's values and drops its end: a session outlives the
// request that began it.
func detached(ctx context.Context, r *http.Request) context.Context {
	if ctx == nil {
		ctx = r.Context()
	}
	ctx = within(ctx)
	if ctx.Done() == nil { // as then, nearly always
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// within returns the context inside those around it that add nothing but a
// cancellation. The net/http server puts two of them around each request, which a
// session would keep: 270 bytes, more than all the rest that it has of its request.
func within(ctx context.Context) context.Context {
	for reflect.TypeOf(ctx) == cancellation {
		// Package context embeds the parent. Should it be somewhere else one day,
		// sessions are as they would be without this.
		parent := reflect.ValueOf(ctx).Elem().FieldByName("Context")
		if !parent.IsValid() || !parent.CanInterface() {
			break
		}
		inner, ok := parent.Interface().(context.Context)
		if !ok {
			break
		}
		ctx = inner
	}
	return ctx
}

// cancellation is the type of what context.WithCancel returns.
var cancellation = func() reflect.Type {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return reflect.TypeOf(ctx)
}()
