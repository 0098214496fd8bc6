package patience

import "context"

// Turn lets one through at a time. Unlike a mutex's, its queue is left by whoever has no time any more.
type Turn chan struct{}

// NewTurn returns a turn that nobody has.
func NewTurn() Turn { return make(Turn, 1) }

// Take waits for the turn, no longer than the context lasts, and returns how to give it back.
func (t Turn) Take(ctx context.Context) (giveBack func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
