package io.migratekit.vmware.soap;

import com.google.gson.JsonElement;
import com.vmware.vim25.DynamicProperty;
import com.vmware.vim25.ManagedObjectReference;
import com.vmware.vim25.MissingProperty;
import com.vmware.vim25.ObjectContent;
import com.vmware.vim25.ObjectSpec;
import com.vmware.vim25.PropertyFilterSpec;
import com.vmware.vim25.PropertySpec;
import com.vmware.vim25.RetrieveOptions;
import com.vmware.vim25.RetrieveResult;
import com.vmware.vim25.SelectionSpec;
import com.vmware.vim25.ServiceContent;
import com.vmware.vim25.TraversalSpec;
import com.vmware.vim25.VimPortType;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What do objects say of themselves? Asks the property collector, and looks at what is missing every time. */
final class Properties {
    private final VimPortType port;
    private final ServiceContent content;

    Properties(VimPortType port, ServiceContent content) {
        this.port = port;
        this.content = content;
    }

    Facts of(MoRef object, Collection<String> required, Collection<String> optional) {
        ObjectSpec self = new ObjectSpec();
        self.obj = Vim.reference(object);
        TreeSet<String> paths = new TreeSet<>(required);
        paths.addAll(optional);
        while (true) {
            try {
                List<ObjectContent> found = retrieve(self, List.of(properties(object.type(), paths)));
                if (found.isEmpty()) {
                    throw Faults.of("ManagedObjectNotFound", "there is no object " + object.id(), null);
                }
                return facts(found.getFirst(), Set.copyOf(required));
            } catch (SoapException.Fault e) {
                // An older server does not know the property and refuses the whole question.
                Optional<String> unknown = e.name().equals("InvalidProperty") ? e.field("name") : Optional.empty();
                if (unknown.isEmpty() || required.contains(unknown.get()) || !paths.remove(unknown.get())) {
                    throw e;
                }
            }
        }
    }

    List<Facts> all(Collection<String> types, Collection<String> paths) {
        ManagedObjectReference view = Vim.call(() ->
                port.createContainerView(content.viewManager, content.rootFolder, types.toArray(String[]::new), true));
        try {
            TraversalSpec members = new TraversalSpec();
            members.setName("members");
            members.type = "ContainerView";
            members.path = "view";
            members.skip = false;
            ObjectSpec from = new ObjectSpec();
            from.obj = view;
            from.skip = true;
            from.selectSet = new SelectionSpec[] {members};
            List<PropertySpec> wanted = types.stream()
                    .map(type -> properties(type, type.equals("VirtualMachine") ? paths : Set.of("name", "parent")))
                    .toList();
            return retrieve(from, wanted).stream()
                    .map(object -> facts(object, Set.of()))
                    .toList();
        } finally {
            destroy(view);
        }
    }

    List<Facts> ancestors(MoRef object) {
        SelectionSpec again = new SelectionSpec();
        again.setName("up");
        TraversalSpec up = new TraversalSpec();
        up.setName("up");
        up.type = "ManagedEntity";
        up.path = "parent";
        up.skip = false;
        up.selectSet = new SelectionSpec[] {again};
        TraversalSpec fromVApp = new TraversalSpec();
        fromVApp.setName("upFromVApp");
        fromVApp.type = "VirtualMachine";
        fromVApp.path = "parentVApp";
        fromVApp.skip = false;
        fromVApp.selectSet = new SelectionSpec[] {again};
        ObjectSpec from = new ObjectSpec();
        from.obj = Vim.reference(object);
        from.skip = false;
        from.selectSet = new SelectionSpec[] {up, fromVApp};
        return retrieve(from, List.of(properties("ManagedEntity", List.of("name", "parent")))).stream()
                .map(one -> facts(one, Set.of()))
                .toList();
    }

    private void destroy(ManagedObjectReference view) {
        try {
            var _ = Vim.call(() -> {
                port.destroyView(view);
                return "";
            });
        } catch (SoapException e) {
            // It ends with the session; what was asked through it has been answered.
            System.getLogger(Properties.class.getName())
                    .log(System.Logger.Level.DEBUG, "view=not-destroyed reason={0}", e.getMessage());
        }
    }

    private List<ObjectContent> retrieve(ObjectSpec from, List<PropertySpec> wanted) {
        PropertyFilterSpec filter = new PropertyFilterSpec();
        filter.objectSet = new ObjectSpec[] {from};
        filter.propSet = wanted.toArray(PropertySpec[]::new);
        List<ObjectContent> all = new ArrayList<>();
        RetrieveResult part = Vim.call(() -> port.retrievePropertiesEx(
                content.propertyCollector, new PropertyFilterSpec[] {filter}, new RetrieveOptions()));
        while (part != null) {
            all.addAll(List.of(part.objects == null ? new ObjectContent[0] : part.objects));
            String token = part.token;
            part = token == null
                    ? null
                    : Vim.call(() -> port.continueRetrievePropertiesEx(content.propertyCollector, token));
        }
        return all;
    }

    private static PropertySpec properties(String type, Collection<String> paths) {
        PropertySpec spec = new PropertySpec();
        spec.setType(type);
        spec.all = false;
        spec.pathSet = paths.toArray(String[]::new);
        return spec;
    }

    private static Facts facts(ObjectContent content, Set<String> required) {
        Map<String, JsonElement> values = new LinkedHashMap<>();
        for (DynamicProperty property : content.propSet == null ? new DynamicProperty[0] : content.propSet) {
            if (property.val != null) {
                values.put(property.name, Json.of(property.val));
            }
        }
        for (MissingProperty missing : content.missingSet == null ? new MissingProperty[0] : content.missingSet) {
            if (required.contains(missing.path)) {
                throw notShown(content, missing);
            }
        }
        return new Facts(MoRef.of(content.obj), values);
    }

    private static SoapException.Fault notShown(ObjectContent content, @Nullable MissingProperty missing) {
        SoapException.Fault why = Faults.of(missing == null ? null : missing.fault);
        String path = missing == null ? "" : missing.path;
        return new SoapException.Fault(
                why.name(),
                "the property " + path + " of " + content.obj.val + " is not shown: " + why.getMessage(),
                why.detail());
    }
}
