package tfvalidate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// AddGraphError adds an error of Microsoft Graph, or of signing in to it, with what to do next. The path may be empty
// when no attribute is to blame, and nextStep when only the error itself tells.
func AddGraphError(diagnostics *diag.Diagnostics, at path.Path, summary string, err error, nextStep string) {
	detail := Explain(err, nextStep)
	if at.Equal(path.Empty()) {
		diagnostics.AddError(summary, detail)
		return
	}
	diagnostics.AddAttributeError(at, summary, detail)
}

// Explain renders an error for a person: what was refused and why, what to do next, and the IDs that a support case
// with Microsoft asks for.
func Explain(err error, nextStep string) string {
	var paragraphs []string
	if refused, ok := errors.AsType[*auth.Error](err); ok {
		paragraphs = append(paragraphs, err.Error())
		paragraphs = append(paragraphs, refused.NextStep())
		if !refused.Reason().Transient {
			nextStep = "" // it is advice on a request that was never made
		}
	} else if refused := entra.AsError(err); refused != nil {
		paragraphs = append(paragraphs, explainGraph(refused)...)
	} else {
		paragraphs = append(paragraphs, err.Error())
	}
	if nextStep != "" {
		paragraphs = append(paragraphs, nextStep)
	}
	return strings.Join(paragraphs, "\n\n")
}

func explainGraph(e *entra.Error) []string {
	answer := fmt.Sprintf("Microsoft Graph answered HTTP %d to %s %s", e.Status, e.Method, e.Path)
	if e.Code != "" {
		answer += ": " + e.Code
	}
	answer += "."
	if e.Message != "" {
		answer += "\n" + e.Message
	}
	for _, detail := range e.Details {
		answer += fmt.Sprintf("\n- %s: %s", detail.Code, detail.Message)
		if detail.Target != "" {
			answer += " (" + detail.Target + ")"
		}
	}
	paragraphs := []string{answer}
	var ids []string
	if e.RequestID != "" {
		ids = append(ids, "request-id "+e.RequestID)
	}
	if e.ClientRequestID != "" && e.ClientRequestID != e.RequestID {
		ids = append(ids, "client-request-id "+e.ClientRequestID)
	}
	if len(ids) > 0 {
		paragraphs = append(paragraphs, "For a support case with Microsoft: "+strings.Join(ids, ", ")+".")
	}
	return paragraphs
}
