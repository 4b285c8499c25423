import CLinux
import CMicrohttpd
import Glibc
import Values

/// One connection and how far it has come; its times are what slow clients are held to.
final class Peer {
    enum Phase: String, CaseIterable {
        /// Nothing of a request has been understood yet.
        case waiting
        case head, body, handling, answering, producing, streaming
    }

    let number: UInt64
    let socket: Int32
    let client: Client
    /// Where the daemon's list holds this peer.
    var index: Int
    private(set) var phase = Phase.waiting
    /// When the deadline of this phase began to run.
    private(set) var since: Moment
    private(set) var requestsServed = 0
    /// The request in flight.
    weak var exchange: Exchange?

    init(number: UInt64, socket: Int32, client: Client, index: Int, at now: Moment) {
        self.number = number
        self.socket = socket
        self.client = client
        self.index = index
        since = now
    }

    /// Who is at the other end of the connection.
    static func client(of connection: OpaquePointer) -> Client {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) {
            guard let text = $0.baseAddress,
                unsafe florin_mhd_address(connection, text, socklen_t(NI_MAXHOST)),
                let address = unsafe NetworkAddress(String(cString: text))
            else { return Client(.unspecified) }
            return Client(address)
        }
    }

    /// The head of a first request must come within one deadline from the connection on.
    func enter(_ phase: Phase, at now: Moment) {
        if !(phase == .head && requestsServed == 0) { since = now }
        if phase == .waiting { requestsServed += 1 }
        self.phase = phase
    }

    /// Ends the connection under the engine, which then cleans up as if the client had left.
    func cut() {
        shutdown(socket, Int32(SHUT_RDWR))
    }

    /// Whether the kernel holds bytes that nobody has read.
    var hasUnreadBytes: Bool {
        var byte: UInt8 = 0
        return unsafe recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) > 0
    }
}

/// A moment of the monotonic clock, in microseconds.
struct Moment: Comparable, Sendable {
    let microseconds: Int64

    static var now: Moment {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    static func < (left: Moment, right: Moment) -> Bool {
        left.microseconds < right.microseconds
    }

    func adding(_ duration: Duration) -> Moment {
        Moment(microseconds: microseconds + duration.microseconds)
    }

    func microseconds(since earlier: Moment) -> Int64 {
        microseconds - earlier.microseconds
    }
}

extension Duration {
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
