import Dispatch
import Synchronization

/// A gate that a blocking test body waits at until someone opens it, and then stays open.
package final class Gate: @unchecked Sendable {
    // Dispatch's semaphores may be used from every thread; Linux forgets to say so.
    private let semaphore = DispatchSemaphore(value: 0)

    package init() {}

    package func open() { semaphore.signal() }

    package func wait() {
        semaphore.wait()
        semaphore.signal()
    }
}

/// Counts what happens on several threads.
package final class Tally: Sendable {
    private let value = Atomic(0)

    package init() {}

    /// The count, this one included.
    @discardableResult
    package func add() -> Int { value.add(1, ordering: .sequentiallyConsistent).newValue }

    package var count: Int { value.load(ordering: .sequentiallyConsistent) }
}
