package house

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// A block is a fenced block of a document.
type block struct {
	language string
	line     int // of its first line, counted from 1
	text     string
}

// split returns a document's fenced blocks, and its text with empty lines in
// their place.
func split(text string) (blocks []block, prose string) {
	var b *block
	var out strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		n++
		info, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && b == nil:
			b = &block{language: info, line: n + 1}
		case fence:
			blocks = append(blocks, *b)
			b = nil
		case b != nil:
			b.text += line
		default:
			out.WriteString(line)
			continue
		}
		out.WriteString("\n")
	}
	return blocks, out.String()
}

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inlineCode = regexp.MustCompile("`[^`\n]*`")
)

// headings returns the anchors of a document's headings.
func headings(text string) (anchors []string) {
	_, prose := split(text)
	for line := range strings.Lines(prose) {
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
			anchors = append(anchors, slug(strings.TrimSpace(title)))
		}
	}
	return anchors
}

// slug is what a heading is linked by.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}

// checkLinks returns the links of a document that lead nowhere. load returns the
// text of another file of the house, by its path from the root.
func checkLinks(from, text string, load func(path string) (text string, err error)) (complaints []string) {
	_, prose := split(text)
	n := 0
	for line := range strings.Lines(prose) {
		n++
		for _, m := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := text
			if file != "" {
				var err error
				if target, err = load(path.Join(path.Dir(from), file)); err != nil {
					complaints = append(complaints, fmt.Sprintf("%s:%d: the link %s leads nowhere", from, n, m[1]))
					continue
				}
			}
			if anchor != "" && !slices.Contains(headings(target), anchor) {
				complaints = append(complaints, fmt.Sprintf("%s:%d: %s has no such heading", from, n, m[1]))
			}
		}
	}
	return complaints
}

// load returns the text of a file, or nothing for a folder.
func load(name string) (string, error) {
	name = filepath.Join(root, filepath.FromSlash(name))
	if info, err := os.Stat(name); err != nil || info.IsDir() {
		return "", err
	}
	b, err := os.ReadFile(name)
	return string(b), err
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, path := range walk(t, ".md") {
		report(t, checkLinks(path, read(t, path), load))
	}
}

func TestLinksLeadSomewhereNegative(t *testing.T) {
	none := func(string) (string, error) { return "", os.ErrNotExist }
	other := func(string) (string, error) { return "# There\n", nil }
	mustComplain(t, checkLinks("docs/a.md", "see [b](b.md)", none), "docs/a.md:1: the link b.md leads nowhere")
	mustComplain(t, checkLinks("a.md", "\n![picture](b.png)", none), "a.md:2: the link b.png leads nowhere")
	mustComplain(t, checkLinks("a.md", "[b](b.md#here)", other), "b.md#here has no such heading")
	mustComplain(t, checkLinks("a.md", "# There\n[b](#here)", none), "#here has no such heading")
	report(t, checkLinks("a.md", "[b](b.md#there) `[c](d)` [e](https://example.com)\n```\n[f](g)\n```\n", other))
}
