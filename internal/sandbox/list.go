package sandbox

// mapped never returns nil, so that an empty list is [] in JSON.
func mapped[From, To any](from []From, convert func(From) To) []To {
	to := make([]To, len(from))
	for i, one := range from {
		to[i] = convert(one)
	}
	return to
}

// list writes no entries as an empty list instead of null.
func list[T any](of []T) []T { return append([]T{}, of...) }
