// Package contract checks recorded Graph traffic against Microsoft's contract, an OpenAPI document made from its
// metadata: unknown paths, query options and properties are violations, and so are values of another type.
package contract

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"os"
	gopath "path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// Location is where the contract lies, seen from the root of the repository. It is Microsoft's, and no part of it.
const Location = "../shared/data/graph-openapi-subset.yaml"

// supplement describes operations that the contract lacks, from the documents that it names.
//
//go:embed supplement.yaml
var supplement []byte

// Contract is what Microsoft Graph takes and gives. It is safe for concurrent use.
type Contract struct {
	operations []operation
	types      map[string]*openapi3.SchemaRef // directory objects by @odata.type
	object     *openapi3.SchemaRef            // directoryObject, which an object of a derived type replaces
}

// operation is one method of one path.
type operation struct {
	method  string
	path    string
	pattern *regexp.Regexp
	*openapi3.Operation
}

var loaded sync.Map // path → func() (*Contract, error)

// Load reads a contract, once per process. The error is one of os where there is none.
func Load(path string) (*Contract, error) {
	once, _ := loaded.LoadOrStore(path, sync.OnceValues(func() (*Contract, error) { return read(path) }))
	return once.(func() (*Contract, error))()
}

func read(path string) (*Contract, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parse(content []byte) (*Contract, error) {
	c := &Contract{types: map[string]*openapi3.SchemaRef{}}
	for _, part := range [][]byte{content, supplement} {
		document, err := openapi3.NewLoader().LoadFromData(part)
		if err != nil {
			return nil, err
		}
		if err := c.add(document); err != nil {
			return nil, err
		}
	}
	// A path with fewer keys is the more particular one.
	slices.SortStableFunc(c.operations, func(a, b operation) int {
		return cmp.Compare(strings.Count(a.path, "{"), strings.Count(b.path, "{"))
	})
	return c, nil
}

func (c *Contract) add(document *openapi3.T) error {
	closing := closer{}
	for _, name := range slices.Sorted(maps.Keys(document.Components.Schemas)) {
		schema := document.Components.Schemas[name]
		closing.close(schema)
		if known, found := c.types["#"+name]; found {
			maps.Copy(known.Value.Properties, schema.Value.Properties) // the supplement adds to the contract
			continue
		}
		c.types["#"+name] = schema
	}
	if object, found := c.types["#microsoft.graph.directoryObject"]; found {
		c.object = object
	}
	for path, item := range document.Paths.Map() {
		pattern, err := regexp.Compile("(?i)^" + patternOf(path) + "$")
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for method, declared := range item.Operations() {
			for _, schema := range schemasOf(declared) {
				c.adopt(schema)
				closing.close(schema)
			}
			if path == batchPath {
				takeNullBodies(declared)
			}
			c.operations = append(c.operations, operation{method, path, pattern, declared})
		}
	}
	return nil
}

// adopt has a schema of the supplement refer to the contract's own types.
func (c *Contract) adopt(schema *openapi3.SchemaRef) {
	if schema == nil || schema.Value == nil {
		return
	}
	if known, found := c.types["#"+gopath.Base(schema.Ref)]; found {
		schema.Value = known.Value
		return
	}
	c.adopt(schema.Value.Items)
	for _, property := range schema.Value.Properties {
		if property.Ref == "" && property.Value != nil {
			c.adopt(property.Value.Items)
		}
	}
}

// graphCast is a type's name in a path, which is written with the namespace in full, too.
const graphCast = "/graph."

var pathKey = regexp.MustCompile(`\\\{[^}]*\\\}`)

// patternOf turns a path with {keys} into a regular expression.
func patternOf(path string) string {
	quoted := pathKey.ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`)
	return strings.ReplaceAll(quoted, regexp.QuoteMeta(graphCast), `/(?:microsoft\.)?graph\.`)
}

// schemasOf are the schemas of an operation's bodies.
func schemasOf(o *openapi3.Operation) []*openapi3.SchemaRef {
	var bodies []openapi3.Content
	if o.RequestBody != nil {
		bodies = append(bodies, o.RequestBody.Value.Content)
	}
	for _, response := range o.Responses.Map() {
		bodies = append(bodies, response.Value.Content)
	}
	var schemas []*openapi3.SchemaRef
	for _, body := range bodies {
		if media := body.Get("application/json"); media != nil && media.Schema != nil {
			schemas = append(schemas, media.Schema)
		}
	}
	return schemas
}

// find returns the operation of a request below the version.
func (c *Contract) find(method, path string) (operation, error) {
	known := false
	for _, candidate := range c.operations {
		if !candidate.pattern.MatchString(path) {
			continue
		}
		if candidate.method == method {
			return candidate, nil
		}
		known = true
	}
	if known {
		return operation{}, fmt.Errorf("the path has no %s", method)
	}
	return operation{}, fmt.Errorf("the path is unknown")
}

// closer makes schemas take the properties that they name and no other, which the contract's own leave open. A type
// that is made of its base and of more takes the properties of both.
type closer map[*openapi3.Schema]bool

func (c closer) close(of *openapi3.SchemaRef) {
	if of == nil || of.Value == nil || c[of.Value] {
		return
	}
	schema := of.Value
	c[schema] = true
	for _, base := range schema.AllOf {
		c.close(base)
	}
	if len(schema.AllOf) > 1 {
		own := maps.Clone(schema.Properties)
		schema.Properties = openapi3.Schemas{}
		for _, base := range schema.AllOf {
			maps.Copy(schema.Properties, base.Value.Properties)
		}
		maps.Copy(schema.Properties, own)
		schema.AllOf, schema.Type = nil, &openapi3.Types{"object"}
	}
	for _, property := range schema.Properties {
		c.close(property)
	}
	c.close(schema.Items)
	free := schema.AdditionalProperties
	// An error is the only property of its answer, though Microsoft's schema leaves that open (error responses and
	// resource types).
	isError := slices.Contains(schema.Required, "error")
	if len(schema.Properties) > 0 && (isError || free.Has == nil && free.Schema == nil) {
		closed := false
		schema.AdditionalProperties = openapi3.AdditionalProperties{Has: &closed}
	}
}

// throttledOrWorse reports whether a status can come from a gateway in front of Graph, which answers in HTML or with
// nothing at all (Microsoft Graph: best practices, handling expected errors).
func throttledOrWorse(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// Operations are the methods and paths that the contract has, such as GET /applications/{application-id}.
func (c *Contract) Operations() []string {
	var names []string
	for _, o := range c.operations {
		names = append(names, o.method+" "+o.path)
	}
	slices.Sort(names)
	return names
}
