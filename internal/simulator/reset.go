package simulator

// Reset is where a connection ends by RST, rather than by FIN as with Drop. A RST overtakes what it follows, so that of
// many small packets or a large body the last ones may be lost too.
type Reset string

// The places of a reset.
const (
	ResetAnswer Reset = "answer" // before any byte of the answer
	ResetHeader Reset = "header" // in the middle of its header
	ResetBody   Reset = "body"   // in the middle of its body; after the header where it has none
)

// UnmarshalText refuses any other word.
func (r *Reset) UnmarshalText(b []byte) error {
	return oneOf(r, b, ResetAnswer, ResetHeader, ResetBody)
}
