#if canImport(Glibc)
    import Glibc
#endif

/// A bounded queue from which several threads take, waiting while it is empty.
///
/// `Mutex` of the standard library has nothing to wait on, so this is POSIX's pair of a mutex and
/// a condition. `@unchecked Sendable`: `state` is touched only between `lock` and `unlock`.
@safe
package final class WorkQueue<Element: Sendable>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let countMax: Int
    private var elements = Ring()
    private var isClosed = false

    package enum Admission: Sendable {
        case taken
        case full
        case closed
    }

    package init(countMax: Int) {
        self.countMax = countMax
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    package func add(_ element: Element) -> Admission {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        if isClosed { return .closed }
        if elements.count >= countMax { return .full }
        elements.append(element)
        unsafe pthread_cond_signal(condition)
        return .taken
    }

    /// The oldest element, when there is one; nil once the queue is closed and empty.
    package func take() -> Element? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let element = elements.popFirst() { return element }
            if isClosed { return nil }
            unsafe pthread_cond_wait(condition, mutex)
        }
    }

    /// The oldest element, if one is there now.
    package func takeWithoutWaiting() -> Element? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return elements.popFirst()
    }

    /// Takes nothing more in; what is in it can still be taken.
    package func close() {
        unsafe pthread_mutex_lock(mutex)
        isClosed = true
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// First in, first out, without moving what waits.
    private struct Ring {
        private var slots: [Element?] = Array(repeating: nil, count: 16)
        private var start = 0
        private(set) var count = 0

        mutating func append(_ element: Element) {
            if count == slots.count { grow() }
            slots[(start + count) % slots.count] = element
            count += 1
        }

        mutating func popFirst() -> Element? {
            guard count > 0 else { return nil }
            let element = slots[start]
            slots[start] = nil
            start = (start + 1) % slots.count
            count -= 1
            return element
        }

        private mutating func grow() {
            slots = Array(slots[start...] + slots[..<start])
            slots.append(contentsOf: repeatElement(nil, count: slots.count))
            start = 0
        }
    }
}
