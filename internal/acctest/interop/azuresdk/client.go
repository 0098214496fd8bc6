package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/go-azure-sdk/sdk/auth"
	"github.com/hashicorp/go-azure-sdk/sdk/client"
	"github.com/hashicorp/go-azure-sdk/sdk/client/msgraph"
	"github.com/hashicorp/go-azure-sdk/sdk/environments"
	"github.com/hashicorp/go-azure-sdk/sdk/odata"
)

// object is an entity or a part of one.
type object = map[string]any

// directory speaks to Microsoft Graph in both of its versions, by the base client that azuread's generated ones are
// made of.
type directory struct{ stable, beta *msgraph.Client }

func newDirectory(env environments.Environment, authorizer auth.Authorizer) (*directory, error) {
	stable, err := msgraph.NewClient(env.MicrosoftGraph, "interop", msgraph.VersionOnePointZero)
	if err != nil {
		return nil, err
	}
	beta, err := msgraph.NewClient(env.MicrosoftGraph, "interop", msgraph.VersionBeta)
	if err != nil {
		return nil, err
	}
	stable.SetAuthorizer(authorizer)
	beta.SetAuthorizer(authorizer)
	return &directory{stable, beta}, nil
}

// options are those of a generated client: OData alone.
type options struct{ odata.Query }

func (o options) ToHeaders() *client.Headers   { return &client.Headers{} }
func (o options) ToOData() *odata.Query        { return &o.Query }
func (o options) ToQuery() *client.QueryParams { return &client.QueryParams{} }

// request is one operation in the form that azuread's generated clients give it.
type request struct {
	method, path string
	query        odata.Query
	body         object
	status       int // the only one that is a success
	retry        client.RequestRetryFunc
	pages        bool // all of them
}

// send returns the answer's body, and the status also of an answer that is not a success.
func send[T any](ctx context.Context, c *msgraph.Client, r request) (answer T, status int, err error) {
	prepared, err := c.NewRequest(ctx, client.RequestOptions{
		ContentType: "application/json; charset=utf-8", ExpectedStatusCodes: []int{r.status}, HttpMethod: r.method,
		OptionsObject: options{r.query}, Path: r.path, RetryFunc: r.retry,
	})
	if err != nil {
		return answer, 0, err
	}
	if r.body != nil {
		if err := prepared.Marshal(r.body); err != nil {
			return answer, 0, err
		}
	}
	execute := prepared.Execute
	if r.pages {
		execute = prepared.ExecutePaged
	}
	response, err := execute(ctx)
	if response != nil && response.Response != nil {
		status = response.StatusCode
	}
	if err != nil {
		return answer, status, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if status != http.StatusNoContent {
		err = response.Unmarshal(&answer)
	}
	return answer, status, err
}

func (d *directory) get(ctx context.Context, path string) (object, error) {
	found, _, err := send[object](ctx, d.stable, request{method: http.MethodGet, path: path, status: http.StatusOK})
	return found, err
}

func (d *directory) post(ctx context.Context, path string, body object, retry client.RequestRetryFunc) (object, error) {
	made, _, err := send[object](ctx, d.stable,
		request{method: http.MethodPost, path: path, body: body, status: http.StatusCreated, retry: retry})
	return made, err
}

func (d *directory) patch(ctx context.Context, path string, body object, retry client.RequestRetryFunc) error {
	_, _, err := send[object](ctx, d.stable,
		request{method: http.MethodPatch, path: path, body: body, status: http.StatusNoContent, retry: retry})
	return err
}

func (d *directory) remove(ctx context.Context, path string, retry client.RequestRetryFunc) error {
	_, _, err := send[object](ctx, d.stable,
		request{method: http.MethodDelete, path: path, status: http.StatusNoContent, retry: retry})
	return err
}

// list returns a collection's elements, of all pages.
func (d *directory) list(ctx context.Context, path string, query odata.Query) ([]object, error) {
	found, _, err := send[struct{ Value []object }](ctx, d.stable,
		request{method: http.MethodGet, path: path, query: query, status: http.StatusOK, pages: true})
	return found.Value, err
}

// listed returns what a filter finds, which has to be so many.
func (d *directory) listed(ctx context.Context, count int, path, filter string) ([]object, error) {
	found, err := d.list(ctx, path, odata.Query{Filter: filter})
	if err == nil && len(found) != count {
		err = fmt.Errorf("%s has %d with %s", path, len(found), filter)
	}
	return found, err
}

// inARow is how often azuread wants to see a change before it believes in it, since each read may meet another replica.
const inARow = 5

// until asks again until the answer is yes so many times in a row. azuread pauses for five seconds in between, or for
// one where it waits for a credential; here it is whatever takes the tenant as long.
func until(ctx context.Context, times int, answer func() (bool, error)) error {
	pause, err := time.ParseDuration(os.Getenv("FOREIGN_PAUSE"))
	if err != nil {
		return err
	}
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for seen := 0; ; {
		yes, err := answer()
		if err != nil {
			return err
		}
		if seen++; !yes {
			seen = 0
		}
		if seen == times {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("it does not happen")
		case <-ticker.C:
		}
	}
}

// appears waits for an object in which something is so. One that is not there yet is waited for, too.
func (d *directory) appears(ctx context.Context, path string, is func(object) bool) error {
	return d.wait(ctx, path, func(found object, status int) bool { return status == http.StatusOK && is(found) })
}

// disappears waits for the end of an object.
func (d *directory) disappears(ctx context.Context, path string) error {
	return d.wait(ctx, path, func(_ object, status int) bool { return status == http.StatusNotFound })
}

func (d *directory) wait(ctx context.Context, path string, is func(found object, status int) bool) error {
	err := until(ctx, inARow, func() (bool, error) {
		found, status, err := send[object](ctx, d.stable, request{method: http.MethodGet, path: path, status: http.StatusOK})
		if status == http.StatusNotFound {
			err = nil
		}
		return is(found, status), err
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", path, err)
	}
	return nil
}

// Conditions in which azuread repeats a request.
var (
	onNotFound    = client.RetryOn404ConsistencyFailureFunc
	onConflict    = statusIs(http.StatusConflict)
	onNoApp       = saysOf(http.StatusBadRequest, odata.ErrorServicePrincipalInvalidAppId)
	onElsewhere   = saysOf(http.StatusForbidden, odata.ErrorServicePrincipalAppInOtherTenant)
	onNoReference = saysOf(http.StatusBadRequest, odata.ErrorNotValidReferenceUpdate)
)

func statusIs(status int) client.RequestRetryFunc {
	return func(r *http.Response, _ *odata.OData) (bool, error) { return r != nil && r.StatusCode == status, nil }
}

func saysOf(status int, text string) client.RequestRetryFunc {
	return func(r *http.Response, o *odata.OData) (bool, error) {
		return r != nil && r.StatusCode == status && o != nil && o.Error != nil && o.Error.Match(text), nil
	}
}

// elements are the parts of a list that is a property.
func elements(of object, property string) []object {
	var found []object
	list, _ := of[property].([]any)
	for _, element := range list {
		if part, ok := element.(object); ok {
			found = append(found, part)
		}
	}
	return found
}

// has reports whether a list that is a property has an element with that value.
func has(of object, list, property, value string) bool {
	return slices.ContainsFunc(elements(of, list), func(part object) bool { return part[property] == value })
}

func text(of object, property string) string {
	value, _ := of[property].(string)
	return value
}
