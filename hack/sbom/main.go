// Sbom writes the bill of materials of a Go binary, as SPDX 2.3 JSON, from what the binary says of itself: what the linker put
// in, not what a go.mod asks for.
//
//	sbom BINARY >BINARY.spdx.json
//
// The same binary has the same bill: its date is that of the commit.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spdx/tools-golang/json"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sbom BINARY")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// write writes the bill of the binary at path.
func write(out io.Writer, path string) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	return json.Write(bill(filepath.Base(path), hex.EncodeToString(sum[:]), info), out, json.Indent("  "))
}
