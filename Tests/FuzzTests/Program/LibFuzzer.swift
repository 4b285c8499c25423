import Foundation
import Glibc

/// libFuzzer calls this with one input after the other, each made from earlier ones that went new
/// ways through the code. Whatever ends the program is a finding, and its input is kept.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    do { try chosen.check(input) } catch { fatalError("\(chosen.name): \(error)") }
    return 0
}

/// By `FUZZ_TARGET`; without it, the names and sizes of all are listed.
private let chosen: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    if let target = FuzzTarget.named(name) { return target }
    let list = FuzzTarget.all.map { "\($0.name) \($0.inputBytesMax)\n" }.joined()
    FileHandle.standardOutput.write(Data(list.utf8))
    // At an `exit` libFuzzer would call this a finding.
    _exit(0)
}()
