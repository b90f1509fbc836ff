package host

// Values copies the framework's values under the keys, where there are any.
func Values(keys []string, get func(key string) (any, bool)) map[string]any {
	if len(keys) == 0 {
		return nil
	}
	values := make(map[string]any, len(keys))
	for _, key := range keys {
		if v, ok := get(key); ok {
			values[key] = v
		}
	}
	return values
}
