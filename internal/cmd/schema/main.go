// Command schema prints the provider's schema in the format of `terraform providers schema -json`, without running a
// CLI, so that the documentation does not depend on the CLI that a machine has, or on how much of a schema it supports.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/zclconf/go-cty/cty"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/provider"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	server := providerserver.NewProtocol6(provider.New("documentation", os.Getenv)())()
	answer, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return err
	}
	for _, diagnostic := range answer.Diagnostics {
		if diagnostic.Severity == tfprotov6.DiagnosticSeverityError {
			return fmt.Errorf("%s: %s", diagnostic.Summary, diagnostic.Detail)
		}
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(tfjson.ProviderSchemas{
		FormatVersion: "1.0",
		Schemas: map[string]*tfjson.ProviderSchema{"codetwo": {
			ConfigSchema:            schema(answer.Provider),
			ResourceSchemas:         schemas(answer.ResourceSchemas),
			DataSourceSchemas:       schemas(answer.DataSourceSchemas),
			ListResourceSchemas:     schemas(answer.ListResourceSchemas),
			ResourceIdentitySchemas: identitySchemas(identities.IdentitySchemas),
		}},
	})
}

func schemas(from map[string]*tfprotov6.Schema) map[string]*tfjson.Schema {
	to := make(map[string]*tfjson.Schema, len(from))
	for name, one := range from {
		to[name] = schema(one)
	}
	return to
}

func schema(from *tfprotov6.Schema) *tfjson.Schema {
	if from == nil {
		return nil
	}
	return &tfjson.Schema{Version: uint64(from.Version), Block: block(from.Block)}
}

func block(from *tfprotov6.SchemaBlock) *tfjson.SchemaBlock {
	nested := make(map[string]*tfjson.SchemaBlockType, len(from.BlockTypes))
	for _, one := range from.BlockTypes {
		nested[one.TypeName] = &tfjson.SchemaBlockType{
			NestingMode: tfjson.SchemaNestingMode(strings.ToLower(one.Nesting.String())),
			Block:       block(one.Block),
			MinItems:    uint64(one.MinItems),
			MaxItems:    uint64(one.MaxItems),
		}
	}
	return &tfjson.SchemaBlock{
		Attributes:      attributes(from.Attributes),
		NestedBlocks:    nested,
		Description:     from.Description,
		DescriptionKind: kind(from.DescriptionKind),
		Deprecated:      from.Deprecated,
	}
}

func attributes(from []*tfprotov6.SchemaAttribute) map[string]*tfjson.SchemaAttribute {
	to := make(map[string]*tfjson.SchemaAttribute, len(from))
	for _, one := range from {
		attribute := &tfjson.SchemaAttribute{
			Description:     one.Description,
			DescriptionKind: kind(one.DescriptionKind),
			Deprecated:      one.Deprecated,
			Required:        one.Required,
			Optional:        one.Optional,
			Computed:        one.Computed,
			Sensitive:       one.Sensitive,
			WriteOnly:       one.WriteOnly,
		}
		if one.NestedType != nil {
			attribute.AttributeNestedType = &tfjson.SchemaNestedAttributeType{
				Attributes:  attributes(one.NestedType.Attributes),
				NestingMode: tfjson.SchemaNestingMode(strings.ToLower(one.NestedType.Nesting.String())),
			}
		} else {
			attribute.AttributeType = ctyType(one.Type)
		}
		to[one.Name] = attribute
	}
	return to
}

func identitySchemas(from map[string]*tfprotov6.ResourceIdentitySchema) map[string]*tfjson.IdentitySchema {
	to := make(map[string]*tfjson.IdentitySchema, len(from))
	for name, one := range from {
		identity := &tfjson.IdentitySchema{Version: uint64(one.Version), Attributes: map[string]*tfjson.IdentityAttribute{}}
		for _, attribute := range one.IdentityAttributes {
			identity.Attributes[attribute.Name] = &tfjson.IdentityAttribute{
				IdentityType:      ctyType(attribute.Type),
				Description:       attribute.Description,
				RequiredForImport: attribute.RequiredForImport,
				OptionalForImport: attribute.OptionalForImport,
			}
		}
		to[name] = identity
	}
	return to
}

func kind(from tfprotov6.StringKind) tfjson.SchemaDescriptionKind {
	if from == tfprotov6.StringKindMarkdown {
		return tfjson.SchemaDescriptionKindMarkdown
	}
	return tfjson.SchemaDescriptionKindPlain
}

// ctyType is the type as the CLI knows it.
func ctyType(from tftypes.Type) cty.Type {
	switch {
	case from.Is(tftypes.String):
		return cty.String
	case from.Is(tftypes.Number):
		return cty.Number
	case from.Is(tftypes.Bool):
		return cty.Bool
	}
	switch from := from.(type) {
	case tftypes.List:
		return cty.List(ctyType(from.ElementType))
	case tftypes.Set:
		return cty.Set(ctyType(from.ElementType))
	case tftypes.Map:
		return cty.Map(ctyType(from.ElementType))
	case tftypes.Object:
		members := make(map[string]cty.Type, len(from.AttributeTypes))
		for name, member := range from.AttributeTypes {
			members[name] = ctyType(member)
		}
		return cty.Object(members)
	}
	panic(fmt.Sprintf("no schema of this provider has an attribute of type %s", from))
}
