package store

import (
	"context"
	"errors"
	"fmt"
)

// DropDamaged deletes a connection's record if it cannot be read, so that it can be created again, and reports whether
// it did. A record that a newer provider wrote is not damaged.
func (s *Store) DropDamaged(ctx context.Context, tenantID, mailbox string) (dropped bool, err error) {
	file, err := connectionFile(tenantID, mailbox, recordExtension)
	if err != nil {
		return false, err
	}
	_, err = s.readConnection(ctx, file)
	if _, damaged := errors.AsType[*DamagedError](err); !damaged {
		return false, nil
	}
	if err := s.files.Delete(ctx, file); err != nil {
		return false, fmt.Errorf("delete the damaged record %s: %w", s.files.URL(file), err)
	}
	return true, nil
}
