package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// text is a piece of prose with the lines that it comes from.
type text struct {
	words string
	doc   bool   // a doc comment of Go
	marks []mark // ascending
}

// mark tells that what follows an offset comes from a line.
type mark struct{ offset, line int }

// add appends words that begin in a line. Where the words have line ends, so has their source, if verbatim.
func (t *text) add(words string, line int, verbatim bool) {
	t.marks = append(t.marks, mark{len(t.words), line})
	if verbatim {
		for i, char := range words {
			if char == '\n' {
				line++
				t.marks = append(t.marks, mark{len(t.words) + i + 1, line})
			}
		}
	}
	t.words += words
}

// line returns the line of an offset.
func (t *text) line(offset int) int {
	line := 0
	for _, m := range t.marks {
		if m.offset > offset {
			break
		}
		line = m.line
	}
	return line
}

// prose returns what a person reads in a file. Whatever is not Go is read as a whole, without code spans and blocks
// where it is Markdown.
func prose(path string, content []byte) ([]text, error) {
	if strings.HasSuffix(path, ".go") {
		return goProse(path, content)
	}
	words := string(content)
	if strings.HasSuffix(path, ".md") || strings.HasSuffix(path, ".md.tmpl") {
		words = withoutCode(words)
	}
	var t text
	t.add(words, 1, true)
	return []text{t}, nil
}

// code is what Markdown shows as code, the addresses of links, and the actions of a template.
var code = regexp.MustCompile("(?s)\n```.*?\n```|``.*?``|`[^`]*`|\\]\\([^)]*\\)|\\{\\{.*?\\}\\}")

var notLineEnd = regexp.MustCompile(`[^\n]+`)

// withoutCode blanks the code of a Markdown text, and keeps every offset and line end.
func withoutCode(words string) string {
	return code.ReplaceAllStringFunc(words, func(span string) string {
		return notLineEnd.ReplaceAllStringFunc(span, func(line string) string {
			return strings.Repeat("`", len(line)) // no phrase reaches across it
		})
	})
}

// goProse returns the comments and the string literals of a Go file.
func goProse(path string, content []byte) ([]text, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	reader := goReader{files: files}
	ast.Inspect(file, reader.visit)
	docs := docComments(file)
	for _, group := range file.Comments {
		reader.comment(group, slices.Contains(docs, group))
	}
	return reader.texts, nil
}

type goReader struct {
	files *token.FileSet
	texts []text
}

// visit collects string literals. Import paths and struct tags are not prose.
func (r *goReader) visit(node ast.Node) bool {
	switch node := node.(type) {
	case *ast.ImportSpec:
		return false
	case *ast.Field:
		if node.Type != nil {
			ast.Inspect(node.Type, r.visit)
		}
		return false
	case *ast.BinaryExpr:
		if node.Op != token.ADD {
			return true
		}
		var joined text
		r.join(&joined, node)
		r.keep(joined)
		return false
	case *ast.BasicLit:
		var single text
		r.literal(&single, node)
		r.keep(single)
	}
	return true
}

// join adds the operands of a concatenation: literals as words, anything else as a gap, whose own literals are texts of
// their own.
func (r *goReader) join(t *text, expression ast.Expr) {
	switch operand := expression.(type) {
	case *ast.BinaryExpr:
		r.join(t, operand.X)
		r.join(t, operand.Y)
	case *ast.BasicLit:
		r.literal(t, operand)
	default:
		t.add("%", r.files.Position(operand.Pos()).Line, false)
		ast.Inspect(operand, r.visit)
	}
}

func (r *goReader) literal(t *text, literal *ast.BasicLit) {
	if literal.Kind != token.STRING {
		return
	}
	words, err := strconv.Unquote(literal.Value)
	if err != nil {
		return // the parser has accepted it
	}
	t.add(words, r.files.Position(literal.Pos()).Line, literal.Value[0] == '`')
}

// twoWords tells prose from names, patterns and values.
var twoWords = regexp.MustCompile(`\pL[,;:.]?\s+\pL`)

func (r *goReader) keep(t text) {
	if twoWords.MatchString(t.words) {
		t.words = withoutCode(t.words)
		r.texts = append(r.texts, t)
	}
}

// directive matches a comment that is for a tool (Go: "Doc Comments", "Syntax").
var directive = regexp.MustCompile(`^//(line |extern |export |[a-z0-9]+:[a-z0-9])`)

// comment keeps a comment group without its markers and directives.
func (r *goReader) comment(group *ast.CommentGroup, doc bool) {
	t := text{doc: doc}
	for _, comment := range group.List {
		words, line := comment.Text, r.files.Position(comment.Pos()).Line
		switch {
		case strings.HasPrefix(words, "/*"):
			words = words[2 : len(words)-2]
		case directive.MatchString(words):
			words = ""
		default:
			words = strings.TrimSpace(words[2:])
		}
		t.add(words+"\n", line, true)
	}
	r.texts = append(r.texts, t)
}

// docComments returns the doc comments of a file's declarations, of the fields in them, and of the package.
func docComments(file *ast.File) []*ast.CommentGroup {
	docs := []*ast.CommentGroup{file.Doc}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GenDecl:
			docs = append(docs, node.Doc)
		case *ast.FuncDecl:
			docs = append(docs, node.Doc)
		case *ast.TypeSpec:
			docs = append(docs, node.Doc)
		case *ast.ValueSpec:
			docs = append(docs, node.Doc)
		case *ast.Field:
			docs = append(docs, node.Doc)
		}
		return true
	})
	return docs
}
