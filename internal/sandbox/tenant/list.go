package tenant

// Mapped never returns nil, so that an empty list is [] in JSON.
func Mapped[From, To any](from []From, convert func(From) To) []To {
	to := make([]To, len(from))
	for i, one := range from {
		to[i] = convert(one)
	}
	return to
}

// NonNil writes no entries as an empty list instead of null.
func NonNil[T any](of []T) []T { return append([]T{}, of...) }
