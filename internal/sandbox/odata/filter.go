package odata

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// filter is a parsed $filter (OData 4.01, URL Conventions 5.1.1), as much of it as the directory takes.
type filter struct {
	holds      func(Object) bool
	properties []string // of the entity, not of what is in its lists
	contains   bool     // the function contains is in it
	advanced   string   // an operator of the advanced query capabilities, if there is one
}

// scope is where a property is looked up: in the entity, or in the element that a lambda expression is at.
type scope struct {
	entity  Object
	element any
}

type (
	condition func(scope) bool
	operand   func(scope) any
)

// filterParser is a parser by recursive descent. The first failure ends it.
type filterParser struct {
	text     string
	tokens   []string
	at       int
	variable string // of the lambda expression that the parser is in
	found    filter
	failed   bool
}

func parseFilter(text string) (*filter, error) {
	p := &filterParser{text: text}
	p.scan()
	holds := p.either()
	if p.failed || p.at < len(p.tokens) {
		return nil, misspelt("Invalid filter clause: '%s'.", text)
	}
	p.found.holds = func(entity Object) bool { return holds(scope{entity: entity}) }
	return &p.found, nil
}

// scan splits the text: texts in quotes (kept with the opening quote, to tell them apart), signs, and words. A word
// that starts with a digit may be a date, which has colons in it.
func (p *filterParser) scan() {
	for rest := p.text; rest != "" && !p.failed; {
		switch first := rune(rest[0]); {
		case first == ' ':
			rest = rest[1:]
		case first == '\'':
			value, after, closed := cutQuoted(rest)
			p.failed = !closed
			p.tokens, rest = append(p.tokens, "'"+value), after
		case strings.ContainsRune("(),/:", first):
			p.tokens, rest = append(p.tokens, rest[:1]), rest[1:]
		default:
			end := strings.IndexFunc(rest, func(r rune) bool {
				return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.+", r) &&
					(r != ':' || !unicode.IsDigit(first))
			})
			if end < 0 {
				end = len(rest)
			}
			p.failed = end == 0
			p.tokens, rest = append(p.tokens, rest[:end]), rest[end:]
		}
	}
}

// cutQuoted reads a text in quotes, within which a quote is written twice.
func cutQuoted(rest string) (value, after string, closed bool) {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		if rest[i] != '\'' {
			b.WriteByte(rest[i])
			continue
		}
		if i+1 < len(rest) && rest[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), rest[i+1:], true
	}
	return "", "", false
}

// next takes the next token if it is the one given.
func (p *filterParser) next(token string) bool {
	if p.at < len(p.tokens) && strings.EqualFold(p.tokens[p.at], token) {
		p.at++
		return true
	}
	return false
}

func (p *filterParser) take() string {
	if p.at >= len(p.tokens) {
		p.failed = true
		return ""
	}
	p.at++
	return p.tokens[p.at-1]
}

func (p *filterParser) must(token string) { p.failed = p.failed || !p.next(token) }

func (p *filterParser) either() condition {
	holds := p.both()
	for !p.failed && p.next("or") {
		left, right := holds, p.both()
		holds = func(s scope) bool { return left(s) || right(s) }
	}
	return holds
}

func (p *filterParser) both() condition {
	holds := p.single()
	for !p.failed && p.next("and") {
		left, right := holds, p.single()
		holds = func(s scope) bool { return left(s) && right(s) }
	}
	return holds
}

func (p *filterParser) single() condition {
	switch {
	case p.failed:
		return nil
	case p.next("not"):
		p.found.advanced = "not"
		holds := p.single()
		return func(s scope) bool { return !holds(s) }
	case p.next("("):
		holds := p.either()
		p.must(")")
		return holds
	case p.next("startswith"):
		return p.ends(strings.HasPrefix)
	case p.next("endswith"):
		p.found.advanced = "endsWith"
		return p.ends(strings.HasSuffix)
	case p.next("contains"):
		p.found.contains = true
		return p.ends(strings.Contains)
	default:
		return p.comparison()
	}
}

// ends parses the arguments of startswith, endswith and contains. Upper and lower case are the same to the directory.
func (p *filterParser) ends(has func(text, end string) bool) condition {
	p.must("(")
	property := p.property()
	p.must(",")
	want, isText := p.literal().(string)
	p.must(")")
	p.failed = p.failed || !isText
	return func(s scope) bool {
		value, _ := property(s).(string)
		return has(strings.ToLower(value), strings.ToLower(want))
	}
}

// property parses a path to a property, or the variable of a lambda expression with a path to one of its element's.
func (p *filterParser) property() operand {
	name := p.take()
	p.failed = p.failed || name == "" || !unicode.IsLetter(rune(name[0]))
	path := []string{name}
	for !p.failed && p.at+1 < len(p.tokens) && p.tokens[p.at] == "/" && !strings.EqualFold(p.tokens[p.at+1], "any") {
		p.at++
		path = append(path, p.take())
	}
	if name == p.variable && name != "" {
		return func(s scope) any { return lookUp(s.element, path[1:]) }
	}
	p.found.properties = append(p.found.properties, name)
	return func(s scope) any { return lookUp(s.entity, path) }
}

func lookUp(value any, path []string) any {
	for _, name := range path {
		fields, _ := value.(Object)
		value = fields[name]
	}
	return value
}

// comparison parses: property operator literal, property in (literals), or property/any(variable:condition).
func (p *filterParser) comparison() condition {
	property := p.property()
	if p.next("/") {
		p.must("any")
		return p.any(property)
	}
	if p.next("in") {
		p.must("(")
		wanted := []any{p.literal()}
		for !p.failed && p.next(",") {
			wanted = append(wanted, p.literal())
		}
		p.must(")")
		return func(s scope) bool {
			return slices.ContainsFunc(wanted, func(want any) bool { return equal(property(s), want) })
		}
	}
	operator, want := strings.ToLower(p.take()), p.literal()
	switch operator {
	case "eq":
		return func(s scope) bool { return equal(property(s), want) }
	case "ne":
		p.found.advanced = "ne"
		return func(s scope) bool { return !equal(property(s), want) }
	case "ge":
		return func(s scope) bool { return compare(property(s), want, func(order int) bool { return order >= 0 }) }
	case "le":
		return func(s scope) bool { return compare(property(s), want, func(order int) bool { return order <= 0 }) }
	}
	p.failed = true
	return nil
}

func (p *filterParser) any(list operand) condition {
	p.must("(")
	p.failed = p.failed || p.variable != ""
	p.variable = p.take()
	p.must(":")
	holds := p.either()
	p.must(")")
	p.variable = ""
	return func(s scope) bool {
		elements, _ := list(s).([]any)
		return slices.ContainsFunc(elements, func(element any) bool {
			return holds(scope{entity: s.entity, element: element})
		})
	}
}

// literal parses a value. What is neither quoted nor one of the words is a GUID or a date, taken as text.
func (p *filterParser) literal() any {
	token := p.take()
	if quoted, ok := strings.CutPrefix(token, "'"); ok {
		return quoted
	}
	switch strings.ToLower(token) {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	case "", "(", ")", ",", "/", ":":
		p.failed = true
	}
	return token
}

func equal(value, want any) bool {
	text, isText := value.(string)
	wanted, wantText := want.(string)
	if isText && wantText {
		return strings.EqualFold(text, wanted)
	}
	return value == want
}

// compare puts dates in order; nothing else of the directory has one.
func compare(value, want any, holds func(order int) bool) bool {
	text, _ := value.(string)
	wanted, _ := want.(string)
	left, err := time.Parse(time.RFC3339, text)
	right, err2 := time.Parse(time.RFC3339, wanted)
	return err == nil && err2 == nil && holds(left.Compare(right))
}
