package certcentral

import (
	"context"
	"errors"
	"io"
	"sync"
)

const (
	maxBody  = 4 << 20   // bytes of an answer that is decoded; nothing is decompressed, so they are those of the wire
	maxSmall = 512 << 10 // bytes that an answer may have beside others; of the larger ones a client reads one at a time
	maxFault = 64 << 10  // bytes of an answer that explains an error, or is ignored
	piece    = 64 << 10  // bytes that are read at once
)

// pieces are the memory that answers are read into, used again: what is refused for its size costs no new memory each time.
var pieces = sync.Pool{New: func() any { return new([piece]byte) }}

// readLarge reads an answer to its end, which must come within maxBody bytes to be whole.
func (c *Client) readLarge(ctx context.Context, body io.Reader) (data []byte, whole bool, err error) {
	var read []*[piece]byte
	size, alone := 0, false
	defer func() {
		for _, p := range read {
			pieces.Put(p)
		}
		if alone {
			<-c.large
		}
	}()
	for err == nil && size <= maxBody {
		if size > maxSmall && !alone {
			select {
			case c.large <- struct{}{}:
				alone = true
			case <-ctx.Done():
				return nil, false, ctx.Err()
			}
		}
		if size == len(read)*piece {
			read = append(read, pieces.Get().(*[piece]byte))
		}
		var n int
		n, err = body.Read(read[len(read)-1][size%piece:])
		size += n
	}
	switch {
	case size > maxBody:
		return nil, false, nil
	case !errors.Is(err, io.EOF):
		return nil, false, err
	}
	data = make([]byte, 0, size)
	for i, p := range read {
		data = append(data, p[:min(piece, size-i*piece)]...)
	}
	return data, true, nil
}

// readSmall is readLarge for at most maxFault bytes.
func readSmall(body io.Reader) (data []byte, whole bool, err error) {
	data, err = io.ReadAll(io.LimitReader(body, maxFault+1))
	return data, len(data) <= maxFault, err
}
