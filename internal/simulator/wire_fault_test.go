package simulator

import (
	"io"
	"net"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

func TestWireRefuses(t *testing.T) {
	r := newRelay(t)
	client, server := r.pair()
	address := r.Addr()
	r.set(WireFault{Refuse: true})
	r.hearReset(client, "")
	r.hearReset(server, "")
	for range 2 { // refusing what refuses already changes nothing
		_, err := net.Dial("tcp", address)
		r.Expect(err).To(MatchError(syscall.ECONNREFUSED))
		r.set(WireFault{Refuse: true})
	}
	r.Expect(r.Opened()).To(Equal(1))
	r.set(WireFault{})
	r.Expect(r.Addr()).To(Equal(address))
	r.pair()
	r.Expect([]int{r.Conns(), r.Opened()}).To(Equal([]int{1, 2}))
}

func TestWireWhosePortIsTaken(t *testing.T) {
	r := newRelay(t)
	r.set(WireFault{Refuse: true})
	other, err := net.Listen("tcp", r.Addr())
	r.Expect(err).NotTo(HaveOccurred())
	r.Expect(r.Set(WireFault{})).To(MatchError(syscall.EADDRINUSE))
	r.Expect(other.Close()).To(Succeed())
	r.set(WireFault{})
	r.pair()
}

func TestBlackHole(t *testing.T) {
	r := newRelay(t)
	client, server := r.pair()
	r.set(WireFault{BlackHole: true})
	r.Expect(r.Fault()).To(Equal(WireFault{BlackHole: true}))
	r.say(client, "a request")
	r.say(server, "an answer")
	newcomer := r.dial()
	r.say(newcomer, "a handshake")
	r.Eventually(r.held).Should(Equal(len("a request" + "an answer" + "a handshake")))
	r.Expect(r.far).To(BeEmpty(), "the newcomer did not get through")
	r.Expect([]int{r.Conns(), r.Opened()}).To(Equal([]int{2, 2}))

	r.set(WireFault{})
	r.hear(server, "a request")
	r.hear(client, "an answer")
	r.hear(<-r.far, "a handshake")
}

func TestABlackHoleHidesWhoLeaves(t *testing.T) {
	r := newRelay(t)
	client, server := r.pair()
	r.set(WireFault{BlackHole: true})
	r.say(server, "late")
	r.Expect(server.Close()).To(Succeed())
	r.Eventually(r.held).Should(Equal(len("late")))
	r.Expect(r.Conns()).To(Equal(1), "the client does not know")
	r.set(WireFault{})
	heard, err := io.ReadAll(client)
	r.Expect(err).NotTo(HaveOccurred())
	r.Expect(string(heard)).To(Equal("late"))
}

func TestAClientMayLeaveABlackHole(t *testing.T) {
	r := newRelay(t)
	client, _ := r.pair()
	r.set(WireFault{BlackHole: true})
	newcomer := r.dial()
	r.Eventually(r.Conns).Should(Equal(2))
	r.Expect(client.Close()).To(Succeed())
	r.Eventually(r.Conns).Should(Equal(1))
	r.Expect(newcomer.Close()).To(Succeed())
	r.Eventually(r.Conns).Should(BeZero())
}

func TestBlackHoleForEveryThirdConnection(t *testing.T) {
	r := newRelay(t)
	client, server := r.pair()
	r.set(WireFault{BlackHoleEvery: 3})
	r.say(client, "older")
	r.hear(server, "older")
	var lost []net.Conn
	for range 2 {
		r.pair()
		r.pair()
		conn := r.dial()
		r.say(conn, "lost")
		lost = append(lost, conn)
		r.Eventually(r.held).Should(Equal(len(lost) * len("lost")))
	}
	r.Expect(r.far).To(BeEmpty())
	r.set(WireFault{})
	for range lost {
		r.hear(<-r.far, "lost")
	}
}

func TestWireResets(t *testing.T) {
	t.Run("after so many bytes to the server", func(t *testing.T) {
		r := newRelay(t)
		r.set(WireFault{ResetToServer: 4})
		client := r.dial()
		r.say(client, "hand")
		server := <-r.far
		r.hearReset(server, "hand")
		r.hearReset(client, "")
		r.Expect(r.Conns()).To(BeZero())
	})
	t.Run("after so many bytes to the client", func(t *testing.T) {
		r := newRelay(t)
		r.set(WireFault{ResetToClient: 4})
		client := r.dial()
		r.say(client, "a request")
		server := <-r.far
		r.hear(server, "a request")
		r.say(server, "an answer")
		r.hearReset(client, "an a")
		r.hearReset(server, "")
	})
	t.Run("counted from now on where a connection is open", func(t *testing.T) {
		r := newRelay(t)
		client, server := r.pair()
		r.set(WireFault{ResetToServer: 6})
		r.say(client, "again")
		r.hear(server, "again")
		r.say(server, "as much as one likes")
		r.hear(client, "as much as one likes")
		r.say(client, "and again")
		r.hearReset(server, "a")
		r.hearReset(client, "")
	})
}
