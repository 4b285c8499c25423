import CPostgres
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The wish that a thread end, which also wakes it.
final class Stopping: Sendable {
    private let descriptor: Int32
    private let requested = Atomic(false)

    init() throws(DatabaseError) {
        descriptor = florin_make_event()
        guard descriptor >= 0 else { throw Files.failure("make", "an event") }
    }

    deinit { close(descriptor) }

    var isRequested: Bool { requested.load(ordering: .acquiring) }

    func request() {
        requested.store(true, ordering: .releasing)
        eventfd_write(descriptor, 1)
    }

    /// Waits for the request, for input on another descriptor, or for the time to pass. Returns
    /// whether the other descriptor has input.
    @discardableResult
    func wait(forInputOn other: Int32 = -1, milliseconds: Int32) -> Bool {
        var events = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: other, events: Int16(POLLIN), revents: 0),
        ]
        return unsafe poll(&events, 2, milliseconds) > 0 && events[1].revents != 0
    }
}
