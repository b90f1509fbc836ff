package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/kawat-go/kawat/bench/internal/peers"
)

// Measures of the plot, in its own units. Its colours are of middling brightness:
// the page behind it may be light or dark, and an image on GitHub is not told.
const (
	plotWidth  = 880
	plotLeft   = 170 // where bars begin
	plotRight  = 800 // where they end at most; the figures of the longest come after that
	plotTop    = 84
	barHeight  = 9
	barStep    = 12
	groupSpace = 16
	grey       = "#7b848e"
	nodeColour = "#db6d28"
)

// colours has one for each server that has bars. Others are grey.
var colours = map[string]string{
	"nethttp": "#2f81f7",
	"gin":     "#0f9d94",
	"echo":    "#a371f7",
	"fiber":   "#3fa34d",
}

func colour(server string) string {
	if c, ok := colours[server]; ok {
		return c
	}
	return grey
}

// A group of bars is a scenario.
type group struct {
	scenario Scenario
	unit     string
	bars     []bar
}

type bar struct {
	server string
	share  spread // of Node's cost
}

// groups returns what can be compared with Node, on cores of their own.
func (f *File) groups() (groups []group) {
	for _, s := range f.Scenarios {
		cost, node := f.cost(s.Name), f.find(peers.Node, true, s.Name)
		unit := "CPU per " + s.Op
		if node.spread(cpu).rounds == 0 {
			unit = "memory"
		}
		g := group{scenario: s, unit: unit}
		for _, server := range f.servers() {
			share := f.find(server, true, s.Name).ratio(node, cost)
			if server != peers.Node && share.known() {
				g.bars = append(g.bars, bar{server, share})
			}
		}
		if len(g.bars) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// A canvas collects the elements of a plot.
type canvas struct {
	strings.Builder
	scale float64 // units for a cost like Node's
}

func (c *canvas) x(share float64) float64 { return plotLeft + share*c.scale }

func (c *canvas) text(x, y float64, attributes, s string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" %s>`, x, y, attributes)
	_ = xml.EscapeText(c, []byte(s)) // a strings.Builder takes all
	c.WriteString("</text>\n")
}

func (c *canvas) rect(x, y, width, height float64, fill string) {
	fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="1.5" fill="%s"/>`+"\n", x, y, width, height, fill)
}

func (c *canvas) line(x1, y1, x2, y2 float64, attributes string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" %s/>`+"\n", x1, y1, x2, y2, attributes)
}

// limit is the largest share that the plot shows in full: a little more than Node's
// own, and more if somebody needs that, but not without end.
func limit(groups []group) float64 {
	limit := 1.1
	for _, g := range groups {
		for _, b := range g.bars {
			limit = max(limit, b.share.high)
		}
	}
	return min(limit, 3)
}

// SVG draws the cost of every server in every scenario as a share of Node's.
func (f *File) SVG(w io.Writer) error {
	groups := f.groups()
	most := limit(groups)
	c := &canvas{scale: (plotRight - plotLeft) / most}
	height := float64(plotTop)
	for _, g := range groups {
		height += float64(len(g.bars)*barStep + groupSpace)
	}
	height += groupSpace
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" width="%d" height="%.0f" font-family="system-ui, sans-serif" font-size="11" role="img" aria-label="What each server costs as a share of Node's cost">`+"\n",
		plotWidth, height, plotWidth, height)
	c.text(12, 24, `font-size="15" font-weight="600" fill="`+grey+`"`, "Cost as a share of Node's: a shorter bar is a cheaper server")
	c.text(plotRight, 24, `text-anchor="end" fill="`+grey+`"`, "thin lines: lowest to highest round")
	f.legend(c, groups)
	bottom := height - groupSpace
	step := 0.25
	if most > 1.5 {
		step = 0.5
	}
	for share := 0.0; share <= most; share += step {
		if share != 1 {
			c.line(c.x(share), plotTop-8, c.x(share), bottom, `stroke="`+grey+`" stroke-opacity="0.3"`)
			c.text(c.x(share), plotTop-13, `text-anchor="middle" fill="`+grey+`"`, fmt.Sprint(share))
		}
	}
	y := float64(plotTop)
	for _, g := range groups {
		y = c.group(g, y, most)
	}
	c.line(c.x(1), plotTop-8, c.x(1), bottom, `stroke="`+nodeColour+`" stroke-width="1.5"`)
	c.text(c.x(1), plotTop-13, `text-anchor="middle" font-weight="600" fill="`+nodeColour+`"`, "Node = 1")
	if len(groups) == 0 {
		c.text(plotLeft, plotTop+8, `fill="`+grey+`"`, "There are no pinned results to compare with Node's.")
	}
	c.WriteString("</svg>\n")
	_, err := io.WriteString(w, c.String())
	return err
}

// legend has the servers that have bars.
func (f *File) legend(c *canvas, groups []group) {
	shown := map[string]bool{}
	for _, g := range groups {
		for _, b := range g.bars {
			shown[b.server] = true
		}
	}
	x := 12.0
	for _, server := range f.servers() {
		if !shown[server] {
			continue
		}
		c.rect(x, 39, 10, 10, colour(server))
		c.text(x+15, 48, `fill="`+grey+`"`, title(server))
		x += 40 + 6.2*float64(len(title(server)))
	}
}

// group draws a scenario's bars from y on, and returns where the next one begins.
func (c *canvas) group(g group, y, most float64) float64 {
	middle := y + float64(len(g.bars)*barStep)/2
	c.text(plotLeft-10, middle-3, `text-anchor="end" font-size="12" font-weight="600" fill="`+grey+`"`, g.scenario.Name)
	c.text(plotLeft-10, middle+10, `text-anchor="end" font-size="10" fill="`+grey+`"`, g.unit)
	for _, b := range g.bars {
		share, high := min(b.share.median, most), min(b.share.high, most)
		c.rect(plotLeft, y, share*c.scale, barHeight, colour(b.server))
		if b.share.rounds > 1 { // the range
			at := y + barHeight/2.0
			c.line(c.x(min(b.share.low, most)), at, c.x(high), at, `stroke="`+grey+`" stroke-width="1.5"`)
		}
		label := number(b.share.median)
		if b.share.median > most {
			label = "> " + label
		}
		c.text(c.x(max(share, high))+5, y+barHeight-1, `font-size="10" fill="`+grey+`"`, label)
		y += barStep
	}
	return y + groupSpace
}
