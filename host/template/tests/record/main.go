// Writes down what Go makes of the templates: see README.md.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	html "html/template"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
	text "text/template"

	"narthex.dev/record/template"
)

// testcase is one template: its name, the name of its data, and its text.
type testcase struct{ name, data, text string }

// read cuts a file into its cases: "== name [data]", and the text up to the next one.
func read(path string) (cases []testcase) {
	file, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	for _, part := range strings.Split("\n"+string(file), "\n== ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		name, data, _ := strings.Cut(strings.TrimSuffix(head, "]"), " [")
		cases = append(cases, testcase{name, data, strings.TrimSuffix(body, "\n")})
	}
	return cases
}

func load(path string, into any) {
	file, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(file, into)
	}
	if err != nil {
		log.Fatal(err)
	}
}

type golden struct{ bytes.Buffer }

func (g *golden) add(name, out string, err error) {
	kind := "ok"
	if err != nil {
		kind, out = "error", err.Error()
	}
	fmt.Fprintf(g, "== %s [%s]\n%s\n", name, kind, out)
}

func (g *golden) write(path string) {
	if err := os.WriteFile(path, g.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

const prelude = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}" +
	"{{$externalURL := .ExternalURL}}{{$value := .Value}}"

func expand(name, body string, funcs map[string]any, data any) (string, error) {
	parsed, err := text.New(name).Funcs(funcs).Option("missingkey=zero").Parse(body)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, data)
	return out.String(), err
}

func expandHTML(name, body string, data any) (string, error) {
	parsed, err := html.New(name).Funcs(template.Notification).Option("missingkey=zero").Parse(body)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, data)
	return out.String(), err
}

func main() {
	from, to := os.Args[1], os.Args[2]
	rules, groups := map[string]template.Rule{}, map[string]*template.Data{}
	load(filepath.Join(from, "rules.json"), &rules)
	load(filepath.Join(from, "notifications.json"), &groups)
	for _, group := range groups {
		group.Fill()
	}
	for _, file := range []string{"annotations.txt", "language.txt"} {
		var out golden
		for _, c := range read(filepath.Join(from, file)) {
			rule, ok := rules[c.data]
			if !ok {
				log.Fatalf("%s: no data %s", c.name, c.data)
			}
			made, err := expand("__alert_Test", prelude+c.text, rule.Funcs(), rule.Data())
			out.add(c.name, made, err)
		}
		out.write(filepath.Join(to, file))
	}
	var texts, pages golden
	for _, c := range read(filepath.Join(from, "notifications.txt")) {
		made, err := expand("", c.text, template.Notification, groups[c.data])
		texts.add(c.name, made, err)
	}
	texts.write(filepath.Join(to, "notifications.txt"))
	for _, c := range read(filepath.Join(from, "html.txt")) {
		made, err := expandHTML("", c.text, groups[c.data])
		pages.add(c.name, made, err)
	}
	pages.write(filepath.Join(to, "html.txt"))
	if len(os.Args) > 3 {
		defaults(os.Args[3], groups).write(filepath.Join(to, "defaults.txt"))
	}
}

// defaults executes each default template of Alertmanager on each group.
func defaults(folder string, groups map[string]*template.Data) *golden {
	parsed := text.Must(text.New("").Funcs(template.Notification).Option("missingkey=zero").
		ParseGlob(filepath.Join(folder, "*.tmpl")))
	var names, data []string
	for _, known := range parsed.Templates() {
		if strings.Contains(known.Name(), ".default.") || strings.HasPrefix(known.Name(), "__") {
			names = append(names, known.Name())
		}
	}
	for name := range groups {
		data = append(data, name)
	}
	sort.Strings(names)
	sort.Strings(data)
	out := &golden{}
	for _, name := range names {
		for _, group := range data {
			var made bytes.Buffer
			var dot any = groups[group]
			if strings.HasPrefix(name, "__text_alert_list") || name == "pagerduty.default.instances" {
				dot = groups[group].Alerts
			}
			if name == "email.default.html" {
				continue
			}
			err := parsed.ExecuteTemplate(&made, name, dot)
			out.add(name+" of "+group, made.String(), err)
		}
	}
	return out
}
