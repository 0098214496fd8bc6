package acctest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Object is one resource as Terraform keeps it between its commands. It does Terraform's part of refresh, plan, apply
// and destroy over the protocol, for tests that play more cycles than a CLI has time for.
type Object struct {
	AtOnce bool // each command follows the one before it at once, as in a pipeline

	p        *Protocol
	typeName string
	schema   *tfprotov6.Schema
	kind     tftypes.Object
	state    tftypes.Value // null: there is none
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	tainted  bool            // a create failed after it had made something
	said     strings.Builder // every diagnostic so far
}

// Object is a resource of that type, not yet made.
func (p *Protocol) Object(typeName string) *Object {
	schema := p.Schemas.ResourceSchemas[typeName]
	kind := schema.ValueType().(tftypes.Object)
	return &Object{p: p, typeName: typeName, schema: schema, kind: kind, state: tftypes.NewValue(kind, nil)}
}

// On is a copy of the object, as another provider would find it in the state.
func (o *Object) On(p *Protocol) *Object {
	return &Object{AtOnce: o.AtOnce, p: p, typeName: o.typeName, schema: o.schema, kind: o.kind, state: o.state,
		private: o.private, identity: o.identity, tainted: o.tainted}
}

// Exists reports whether the state holds the object.
func (o *Object) Exists() bool { return !o.state.IsNull() }

// Text reads a text from the state; empty where there is none. A path leads into nested objects.
func (o *Object) Text(path ...string) string { return text(o.state, path...) }

// Texts reads one text from each object of a list in the state, the last name of the path being theirs.
func (o *Object) Texts(path ...string) []string {
	last := len(path) - 1
	var texts []string
	var list []tftypes.Value
	_ = at(o.state, path[:last]...).As(&list)
	for _, value := range list {
		texts = append(texts, text(value, path[last]))
	}
	return texts
}

// at is a value inside of nested objects; null where there is none.
func at(value tftypes.Value, path ...string) tftypes.Value {
	for _, name := range path {
		attributes := map[string]tftypes.Value{}
		if value.As(&attributes) != nil {
			return tftypes.Value{}
		}
		value = attributes[name]
	}
	return value
}

func text(value tftypes.Value, path ...string) string {
	var text string
	_ = at(value, path...).As(&text)
	return text
}

// Said is every diagnostic that the provider gave, every plan and every state with their private parts: whatever is
// shown to somebody, or lies in a file of Terraform's.
func (o *Object) Said() string { return o.said.String() }

// failure turns the diagnostics of a call into an error.
func (o *Object) failure(doing string, diagnostics []*tfprotov6.Diagnostic, err error) error {
	failures := []error{err}
	for _, d := range diagnostics {
		fmt.Fprintln(&o.said, d.Summary, d.Detail)
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			failures = append(failures, fmt.Errorf("%s: %s: %s", doing, d.Summary, d.Detail))
		}
	}
	return errors.Join(failures...)
}

func (o *Object) dynamic(value tftypes.Value) *tfprotov6.DynamicValue {
	dynamic, err := tfprotov6.NewDynamicValue(o.kind, value)
	if err != nil {
		panic(fmt.Sprintf("a value of the object's own type cannot be encoded: %v", err))
	}
	return &dynamic
}

// Refresh reads the object, as every command of Terraform begins. It may be gone afterwards.
func (o *Object) Refresh(ctx context.Context) error {
	if !o.Exists() {
		return nil
	}
	read, err := o.p.ReadResource(ctx, &tfprotov6.ReadResourceRequest{
		TypeName: o.typeName, CurrentState: o.dynamic(o.state), Private: o.private, CurrentIdentity: o.identity,
	})
	if err != nil {
		return err
	}
	if err := o.failure("refresh", read.Diagnostics, nil); err != nil {
		return err
	}
	return o.keep(read.NewState, read.Private, read.NewIdentity)
}

func (o *Object) keep(state *tfprotov6.DynamicValue, private []byte, identity *tfprotov6.ResourceIdentityData) error {
	if state == nil {
		return errors.New("the provider answered without a state")
	}
	value, err := state.Unmarshal(o.kind)
	if err != nil {
		return err
	}
	fmt.Fprintln(&o.said, value, string(private))
	o.state, o.private, o.identity = value, private, identity
	return nil
}

// Apply refreshes, plans and applies a configuration, which holds the attributes that a user writes. It reports whether
// there was something to do. Between two commands the replicas settle, unless AtOnce is set.
func (o *Object) Apply(ctx context.Context, config tftypes.Value) (changed bool, err error) {
	o.settle(config)
	if err := o.Refresh(ctx); err != nil {
		return false, err
	}
	if o.tainted && o.Exists() {
		if err := o.replace(ctx, config); err != nil {
			return true, err
		}
	}
	planned, err := o.plan(ctx, config, o.proposed(config))
	if err != nil {
		return false, err
	}
	if len(planned.RequiresReplace) > 0 {
		return true, fmt.Errorf("the plan replaces the object because of %s", planned.RequiresReplace)
	}
	target, err := planned.PlannedState.Unmarshal(o.kind)
	if err != nil {
		return false, err
	}
	if target.Equal(o.state) {
		return false, nil
	}
	return true, o.apply(ctx, config, planned)
}

// Plan refreshes and plans a configuration, and reports whether there would be something to do.
func (o *Object) Plan(ctx context.Context, config tftypes.Value) (changes bool, err error) {
	o.settle(config)
	if err := o.Refresh(ctx); err != nil {
		return false, err
	}
	planned, err := o.plan(ctx, config, o.proposed(config))
	if err != nil {
		return false, err
	}
	target, err := planned.PlannedState.Unmarshal(o.kind)
	return err == nil && !target.Equal(o.state), err
}

// replace does the first half of replacing a tainted object: the plan for the new one has to be possible, and the old
// one is destroyed.
func (o *Object) replace(ctx context.Context, config tftypes.Value) error {
	made := *o
	made.said, made.state, made.private, made.identity = strings.Builder{}, tftypes.NewValue(o.kind, nil), nil, nil
	if _, err := made.plan(ctx, config, made.proposed(config)); err != nil {
		return err
	}
	return o.remove(ctx)
}

// Destroy refreshes, and destroys what there is.
func (o *Object) Destroy(ctx context.Context) error {
	o.settle(o.state)
	if err := o.Refresh(ctx); err != nil || !o.Exists() {
		return err
	}
	return o.remove(ctx)
}

// settle lets the replicas catch up: those of the tenant that a value of the resource names, or of all tenants.
func (o *Object) settle(value tftypes.Value) {
	if o.AtOnce {
		return
	}
	var attributes map[string]tftypes.Value
	var tenantID string
	if value.As(&attributes) == nil && attributes["tenant_id"].IsKnown() && attributes["tenant_id"].As(&tenantID) == nil &&
		tenantID != "" {
		o.p.k.Server.Settle(tenantID)
		return
	}
	o.p.k.Server.Settle()
}

func (o *Object) remove(ctx context.Context) error {
	none := tftypes.NewValue(o.kind, nil)
	planned, err := o.plan(ctx, none, none)
	if err != nil {
		return err
	}
	return o.apply(ctx, none, planned)
}

func (o *Object) plan(ctx context.Context, config, proposed tftypes.Value) (*tfprotov6.PlanResourceChangeResponse,
	error) {
	planned, err := o.p.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: o.typeName, PriorState: o.dynamic(o.state), ProposedNewState: o.dynamic(proposed),
		Config:       o.dynamic(config),
		PriorPrivate: o.private, PriorIdentity: o.identity,
	})
	if err != nil {
		return nil, err
	}
	if planned.PlannedState != nil {
		fmt.Fprintln(&o.said, string(planned.PlannedState.MsgPack), string(planned.PlannedPrivate))
	}
	return planned, o.failure("plan", planned.Diagnostics, nil)
}

// apply carries a plan out. The state that comes back is kept even with an error, as Terraform does.
func (o *Object) apply(ctx context.Context, config tftypes.Value, planned *tfprotov6.PlanResourceChangeResponse) error {
	creates := !o.Exists()
	applied, err := o.p.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: o.typeName, PriorState: o.dynamic(o.state), PlannedState: planned.PlannedState, Config: o.dynamic(config),
		PlannedPrivate: planned.PlannedPrivate, PlannedIdentity: planned.PlannedIdentity,
	})
	if err != nil {
		return err
	}
	failed := o.failure("apply", applied.Diagnostics, nil)
	if err := o.keep(applied.NewState, applied.Private, applied.NewIdentity); err != nil {
		return errors.Join(failed, err)
	}
	o.tainted = o.Exists() && failed != nil && (creates || o.tainted)
	if failed == nil && !config.IsNull() {
		return o.asPlanned(planned.PlannedState)
	}
	return failed
}

// asPlanned holds the provider to what Terraform holds it to: what the plan knew, the state has.
func (o *Object) asPlanned(planned *tfprotov6.DynamicValue) error {
	promise, err := planned.Unmarshal(o.kind)
	if err != nil {
		return err
	}
	differences, err := promise.Diff(o.state)
	if err != nil {
		return err
	}
	for _, d := range differences {
		if d.Value1 != nil && d.Value1.IsFullyKnown() {
			return fmt.Errorf("the provider produced an inconsistent result after apply at %s: %s was planned, and it is %s",
				d.Path, d.Value1, d.Value2)
		}
	}
	return nil
}

// Config is a configuration of the resource with these attributes; the others are null.
func (o *Object) Config(attributes map[string]tftypes.Value) tftypes.Value {
	return object(o.kind, attributes)
}

// Nested is a value for an attribute of the configuration that is an object itself.
func (o *Object) Nested(attribute string, attributes map[string]tftypes.Value) tftypes.Value {
	return object(o.kind.AttributeTypes[attribute].(tftypes.Object), attributes)
}

func object(kind tftypes.Object, attributes map[string]tftypes.Value) tftypes.Value {
	all := map[string]tftypes.Value{}
	for name, attribute := range kind.AttributeTypes {
		all[name] = tftypes.NewValue(attribute, nil)
	}
	for name, value := range attributes {
		all[name] = value
	}
	return tftypes.NewValue(kind, all)
}

// proposed merges configuration and state as Terraform does before it asks for a plan: what the configuration leaves
// out of what the provider may compute stays as it was (Terraform: resource instance change lifecycle).
func (o *Object) proposed(config tftypes.Value) tftypes.Value {
	prior := o.state
	if prior.IsNull() {
		prior = object(o.kind, nil)
	}
	return merged(o.schema.Block.Attributes, prior, config)
}

func merged(attributes []*tfprotov6.SchemaAttribute, prior, config tftypes.Value) tftypes.Value {
	var before, now map[string]tftypes.Value
	if prior.As(&before) != nil || config.As(&now) != nil {
		return config
	}
	now = maps.Clone(now) // As returns the configuration's own
	for _, attribute := range attributes {
		value, was := now[attribute.Name], before[attribute.Name]
		nested := attribute.NestedType
		switch {
		case attribute.WriteOnly:
			now[attribute.Name] = tftypes.NewValue(attribute.Type, nil)
		case value.IsNull() && attribute.Computed:
			now[attribute.Name] = was
		case nested != nil && nested.Nesting == tfprotov6.SchemaObjectNestingModeSingle && value.IsFullyKnown() &&
			!value.IsNull():
			if was.IsNull() {
				was = object(value.Type().(tftypes.Object), nil)
			}
			now[attribute.Name] = merged(nested.Attributes, was, value)
		}
	}
	return tftypes.NewValue(config.Type(), now)
}
