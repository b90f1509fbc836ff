package socketio_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/hooktest"
)

// What takes the program's code, and is not a row of hooktest.All: who tests it instead.
var elsewhere = map[string]string{
	"Config.Backplane":   "TestABackplaneThatMisbehaves",
	"Config.ClientFiles": "nobody: New reads it, in its caller's goroutine, and nobody later",
	// A server on top has set these; on an engine of its own they are in
	// core/engine/usercode_test.go.
	"engine.Server.OnConnection": "TestEveryReceiverMayMisbehave",
	"engine.Server.ServeFiles":   "TestEveryReceiverMayMisbehave",
	"engine.Server.Call":         "TestCall",
}

// Whoever adds a field or a method that takes code of the program adds a row to hooktest.All.
func TestNoHookIsForgotten(t *testing.T) {
	covered := map[string]bool{}
	for _, h := range hooktest.All() {
		for _, name := range h.Stands {
			covered[name] = true
		}
	}
	for name := range elsewhere {
		covered[name] = true
	}
	found := map[string]bool{}
	for _, fields := range []struct {
		name string
		of   reflect.Type
	}{
		{"Config", reflect.TypeFor[socketio.Config]()}, {"Config", reflect.TypeFor[engine.Config]()},
		{"Config.ConnectionStateRecovery", reflect.TypeFor[socketio.Recovery]()},
		{"DedupeConfig", reflect.TypeFor[socketio.DedupeConfig]()},
	} {
		for i := range fields.of.NumField() {
			if f := fields.of.Field(i); takesCode(f.Type) {
				found[fields.name+"."+f.Name] = true
			}
		}
	}
	namespace := reflect.TypeFor[*socketio.Namespace]()
	for _, methods := range []struct {
		name string
		of   reflect.Type
	}{
		{"Server", reflect.TypeFor[*socketio.Server]()}, {"Namespace", namespace},
		{"ParentNamespace", reflect.TypeFor[*socketio.ParentNamespace]()}, {"Socket", reflect.TypeFor[*socketio.Socket]()},
		{"Event", reflect.TypeFor[*socketio.Event]()}, {"ServerSideEvent", reflect.TypeFor[*socketio.ServerSideEvent]()},
		{"Broadcast", reflect.TypeFor[socketio.Broadcast]()}, {"Direct", reflect.TypeFor[socketio.Direct]()},
		{"RemoteSocket", reflect.TypeFor[*socketio.RemoteSocket]()},
		{"engine.Server", reflect.TypeFor[*engine.Server]()}, {"engine.Session", reflect.TypeFor[*engine.Session]()},
	} {
		for m := range methods.of.Methods() {
			_, inherited := namespace.MethodByName(m.Name)
			if methods.name == "Server" && inherited {
				continue
			}
			for i := 1; i < m.Type.NumIn(); i++ {
				if in := m.Type.In(i); in.Kind() == reflect.Func {
					found[methods.name+"."+m.Name] = true
				}
			}
		}
	}
	for name := range found {
		if !covered[name] {
			t.Errorf("%s takes code of the program: add a row to hooktest.All, which puts a panic, and all the rest, there", name)
		}
	}
	for name := range covered {
		if !found[name] {
			t.Errorf("there is no %s any more", name)
		}
	}
}

// takesCode reports whether a field holds code of the program: a function, or an
// interface that is none of the language's.
func takesCode(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Func:
		return true
	case reflect.Interface:
		return t.NumMethod() > 0
	case reflect.Pointer:
		return strings.HasPrefix(t.String(), "*slog.")
	case reflect.Struct:
		return slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return takesCode(f.Type) })
	}
	return false
}
