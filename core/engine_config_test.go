package socketio

import (
	"reflect"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// Every option of the layer below is an option here, and reaches it.
func TestEngineConfig(t *testing.T) {
	var cfg Config
	ours, theirs := reflect.ValueOf(&cfg).Elem(), reflect.TypeFor[engine.Config]()
	for i := range theirs.NumField() {
		field := theirs.Field(i)
		mine := ours.FieldByName(field.Name)
		if field.Name == "Observer" {
			cfg.Observer = &Observer{Observer: engine.Observer{SessionOpened: func(*engine.Session) {}}}
			continue
		}
		if !mine.IsValid() || mine.Type() != field.Type {
			t.Errorf("Config has no %s %s", field.Name, field.Type)
			continue
		}
		mine.Set(notZero(field.Type))
	}
	copied := reflect.ValueOf(cfg.engine())
	for i := range theirs.NumField() {
		if copied.Field(i).IsZero() {
			t.Errorf("%s is not copied", theirs.Field(i).Name)
		}
	}
	if cfg.engine().Observer.SessionOpened == nil {
		t.Error("the observer's functions are not copied")
	}
}

func notZero(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.String:
		v.SetString("x")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
	case reflect.Func:
		v.Set(reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value { return nil }))
	case reflect.Struct:
		v.Field(0).Set(notZero(t.Field(0).Type))
	}
	return v
}
