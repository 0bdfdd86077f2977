package certcentral

import (
	"strconv"
	"strings"
	"testing"
)

// BenchmarkDecodeList decodes the largest page that is asked for.
func BenchmarkDecodeList(b *testing.B) {
	rows := make([]string, pageSize)
	for i := range rows {
		rows[i] = strings.Replace(documented, "125039", strconv.Itoa(i+1), 1)
	}
	page := []byte(`{"users": [` + strings.Join(rows, ",") + `], "page": {"total": 500, "limit": 500, "offset": 0}}`)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		list, err := decodeList(page)
		if err != nil || len(list.Users) != pageSize {
			b.Fatal("decoded otherwise", err)
		}
	}
}
