package msgraph

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// page is one page of a collection.
type page[T serialization.Parsable] struct {
	readOnly
	create serialization.ParsableFactory
	items  []T
	next   string // the next page's address, empty on the last one
}

func pageOf[T serialization.Parsable](create serialization.ParsableFactory) serialization.ParsableFactory {
	return func(serialization.ParseNode) (serialization.Parsable, error) { return &page[T]{create: create}, nil }
}

// GetFieldDeserializers implements serialization.Parsable.
func (p *page[T]) GetFieldDeserializers() fields {
	return fields{
		"value":           each(p.create, func(item T) { p.items = append(p.items, item) }),
		"@odata.nextLink": text(&p.next),
	}
}

// readOnly is the half of serialization.Parsable that an object which is only read does not need.
type readOnly struct{}

// Serialize implements serialization.Parsable.
func (readOnly) Serialize(serialization.SerializationWriter) error {
	return errors.New("msgraph: this object is read and never written")
}

// writeOnly is the half of serialization.Parsable that a request's body does not need.
type writeOnly struct{}

// GetFieldDeserializers implements serialization.Parsable.
func (writeOnly) GetFieldDeserializers() fields { return nil }

func text(into *string) func(serialization.ParseNode) error {
	return plain(into, serialization.ParseNode.GetStringValue)
}

func flag(into *bool) func(serialization.ParseNode) error {
	return plain(into, serialization.ParseNode.GetBoolValue)
}

func moment(into *time.Time) func(serialization.ParseNode) error {
	return plain(into, serialization.ParseNode.GetTimeValue)
}

func texts(into *[]string) func(serialization.ParseNode) error {
	return func(node serialization.ParseNode) error {
		values, err := node.GetCollectionOfPrimitiveValues("string")
		for _, each := range values {
			if text, ok := each.(*string); ok {
				*into = append(*into, value(text))
			}
		}
		return err
	}
}

// plain reads a property for which null and its zero value mean the same.
func plain[T any](into *T, get func(serialization.ParseNode) (*T, error)) func(serialization.ParseNode) error {
	return func(node serialization.ParseNode) error {
		read, err := get(node)
		*into = value(read)
		return err
	}
}

func optional[T any](into **T, get func(serialization.ParseNode) (*T, error)) func(serialization.ParseNode) error {
	return func(node serialization.ParseNode) (err error) {
		*into, err = get(node)
		return err
	}
}

// each hands over the objects of a collection.
func each[T serialization.Parsable](
	create serialization.ParsableFactory, take func(T),
) func(serialization.ParseNode) error {
	return func(node serialization.ParseNode) error {
		items, err := node.GetCollectionOfObjectValues(create)
		for _, item := range items {
			if typed, ok := item.(T); ok {
				take(typed)
			}
		}
		return err
	}
}

// decode reads an answer's body as an object.
func decode[T serialization.Parsable](answered answer, factory serialization.ParsableFactory) (T, error) {
	var none T
	if answered.err != nil {
		return none, answered.err
	}
	node, err := jsonserialization.NewJsonParseNode(answered.body)
	if err != nil {
		return none, fmt.Errorf("reading Microsoft Graph's answer: %w", err)
	}
	value, err := node.GetObjectValue(factory)
	if err != nil {
		return none, fmt.Errorf("reading Microsoft Graph's answer: %w", err)
	}
	object, ok := value.(T)
	if !ok {
		return none, fmt.Errorf("Microsoft Graph answered with something else than was asked for: %s",
			plainText(answered.body))
	}
	return object, nil
}

// found is decode, where an object that does not exist is the zero value, without an error.
func found[T serialization.Parsable](answered answer, factory serialization.ParsableFactory) (T, error) {
	if entra.IsNotFound(answered.err) {
		var none T
		return none, nil
	}
	return decode[T](answered, factory)
}

// encode writes the body of a request, as JSON.
func encode(body serialization.Parsable) ([]byte, error) {
	writer := jsonserialization.NewJsonSerializationWriter()
	defer func() { _ = writer.Close() }()
	err := writer.WriteObjectValue("", body)
	if err != nil {
		return nil, fmt.Errorf("building a Microsoft Graph request: %w", err)
	}
	content, err := writer.GetSerializedContent()
	if err != nil {
		return nil, fmt.Errorf("building a Microsoft Graph request: %w", err)
	}
	return content, nil
}

// The SDK's models hold pointers throughout, any of them nil.
func value[T any](pointer *T) T {
	var none T
	if pointer == nil {
		return none
	}
	return *pointer
}

func id(pointer *uuid.UUID) string {
	if pointer == nil {
		return ""
	}
	return pointer.String()
}
