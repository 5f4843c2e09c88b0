// Does to the chart what Helm does to it, with the parts that Helm is made of: Go's text/template, sprig, sigs.k8s.io/yaml
// and gojsonschema. Built from Debian's packages, because there is no Helm among them.
//
//	render chart FOLDER RELEASE NAMESPACE <values.yaml   objects and notes, as JSON
//	render plain FILE                                    objects of a file of manifests, as JSON
//	render check SCHEMA [DEFINITION] <value.json         what is wrong with a value, one line each
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/xeipuuv/gojsonschema"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

// What kubectl and Helm print and the tests read.
type result struct {
	Objects []interface{} `json:"objects"`
	Notes   string        `json:"notes"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 4 && args[0] == "chart":
		return write(renderChart(args[1], args[2], args[3]))
	case len(args) == 2 && args[0] == "plain":
		text, err := os.ReadFile(args[1])
		if err != nil {
			return err
		}
		objects, err := split(string(text))
		return write(result{Objects: objects}, err)
	case len(args) >= 2 && args[0] == "check":
		return check(args[1], args[2:])
	}
	return errors.New("usage: render chart FOLDER RELEASE NAMESPACE | plain FILE | check SCHEMA [DEFINITION]")
}

func write(value result, err error) error {
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(value)
}

func renderChart(folder, release, namespace string) (result, error) {
	values, chart := object{}, object{}
	if err := read(filepath.Join(folder, "values.yaml"), &values); err != nil {
		return result{}, err
	}
	if err := read(filepath.Join(folder, "Chart.yaml"), &chart); err != nil {
		return result{}, err
	}
	given := object{}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return result{}, err
	}
	if err := yaml.Unmarshal(text, &given); err != nil {
		return result{}, err
	}
	merge(values, given)
	if err := validate(filepath.Join(folder, "values.schema.json"), "", values); err != nil {
		return result{}, err
	}
	data := object{
		"Values":  values,
		"Chart":   object{"Name": chart["name"], "Version": chart["version"], "AppVersion": chart["appVersion"]},
		"Release": object{"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": true},
	}
	return execute(filepath.Join(folder, "templates"), data)
}

func execute(folder string, data object) (result, error) {
	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all))
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return result{}, err
	}
	sort.Strings(files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return result{}, err
		}
		if _, err := all.New(filepath.Base(file)).Parse(string(text)); err != nil {
			return result{}, err
		}
	}
	var rendered result
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var out bytes.Buffer
		if err := all.ExecuteTemplate(&out, name, data); err != nil {
			return result{}, err
		}
		text := strings.ReplaceAll(out.String(), "<no value>", "")
		if name == "NOTES.txt" {
			rendered.Notes = text
			continue
		}
		objects, err := split(text)
		if err != nil {
			return result{}, fmt.Errorf("%s: %w\n%s", name, err, text)
		}
		rendered.Objects = append(rendered.Objects, objects...)
	}
	return rendered, nil
}

// Helm's own functions beside sprig's.
func functions(all *template.Template) template.FuncMap {
	funcs := sprig.TxtFuncMap()
	delete(funcs, "env")
	delete(funcs, "expandenv")
	funcs["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	funcs["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	funcs["fromYaml"] = func(text string) (object, error) {
		value := object{}
		err := yaml.UnmarshalStrict([]byte(text), &value)
		return value, err
	}
	return funcs
}

// A map goes into a map, null takes a key away, everything else replaces.
func merge(into, from object) {
	for key, value := range from {
		below, isMap := value.(object)
		old, wasMap := into[key].(object)
		switch {
		case value == nil:
			delete(into, key)
		case isMap && wasMap:
			merge(old, below)
		default:
			into[key] = value
		}
	}
}

func read(file string, into *object) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return yaml.UnmarshalStrict(text, into)
}

// The documents of a stream; a key that stands twice is an error.
func split(text string) ([]interface{}, error) {
	objects := []interface{}{}
	for _, document := range strings.Split("\n"+text, "\n---") {
		var value interface{}
		if err := yaml.UnmarshalStrict([]byte(document+"\n"), &value); err != nil {
			return nil, err
		}
		if value != nil {
			objects = append(objects, value)
		}
	}
	return objects, nil
}

func check(schema string, definition []string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var value interface{}
	if err := yaml.UnmarshalStrict(text, &value); err != nil {
		return err
	}
	return validate(schema, strings.Join(definition, ""), value)
}

// A definition is one of several in a file, which may refer to each other.
func validate(file, definition string, value interface{}) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	schema := object{}
	if err := json.Unmarshal(text, &schema); err != nil {
		return err
	}
	if definition != "" {
		if _, there := schema["definitions"].(object)[definition]; !there {
			return fmt.Errorf("%s has no definition %s", file, definition)
		}
		schema["$ref"] = "#/definitions/" + definition
	}
	found, err := gojsonschema.Validate(gojsonschema.NewGoLoader(schema), gojsonschema.NewGoLoader(value))
	if err != nil {
		return err
	}
	lines := []string{}
	for _, wrong := range found.Errors() {
		lines = append(lines, wrong.String())
	}
	if len(lines) > 0 {
		return errors.New(strings.Join(lines, "\n"))
	}
	return nil
}
