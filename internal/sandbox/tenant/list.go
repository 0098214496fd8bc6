package tenant

// Mapped converts each entry. It never returns nil, so that an empty list is [] in JSON.
func Mapped[From, To any](from []From, convert func(From) To) []To {
	to := make([]To, len(from))
	for i, one := range from {
		to[i] = convert(one)
	}
	return to
}

// NonNil returns a copy that is [] in JSON, and not null, where there are no entries.
func NonNil[T any](of []T) []T { return append([]T{}, of...) }
